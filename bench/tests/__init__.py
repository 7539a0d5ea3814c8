"""Tests of the bench itself: `bench/test`."""
