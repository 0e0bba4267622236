"""Transfer of contaminated soil: the ledger of loads with their balance, one load, plans and their filings."""
