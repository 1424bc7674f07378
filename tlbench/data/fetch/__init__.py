"""Fetching data sets: named sources are downloaded, checked and unpacked below the data folder."""
