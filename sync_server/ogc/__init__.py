"""OGC API – Features, part 1 core (OGC 17-069r4), read only, below /ogc: for QGIS and one-map (一张图) platforms."""
