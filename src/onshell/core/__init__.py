"""What every part of the package uses: errors, files, random streams, provenance."""
