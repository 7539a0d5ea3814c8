"""The bench: starts servers, loads them with wrk, and writes what came out."""
