"""A sampling plan goes in: a file's cells (table, workbook, geojson) → rows and every fault (rows) → a new version
(importing). Only `importing` knows the service; the rest is pure."""
