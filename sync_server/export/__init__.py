"""Records as files for people and other programs: tables, map data, photos. Knows no web: rows come in, a file comes out."""
