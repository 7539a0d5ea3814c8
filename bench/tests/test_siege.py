"""What the report of a siege says of what was seen."""

import unittest

from driver.attacks import bulk_loads
from driver.siege import Watched, report, summary


def watched(milliseconds: float, status: object = 200, answers: dict[int, int] | None = None) -> Watched:
    """A bystander who saw the same at each of its requests."""
    seen = [(kind, milliseconds / 1000, status) for kind in ("read", "write", "sign-in") for _ in range(10)]
    return Watched(summary(seen), answers or {})


class Report(unittest.TestCase):
    def test_what_is_slow_or_fails_is_named(self):
        text = report(
            {"This revision": {
                "quiet": watched(10),
                "mild": watched(49, answers={401: 7}),
                "hard": watched(51),
                "broken": watched(10, 503, {0: 3}),
                bulk_loads.__doc__: watched(999),
            }}, 1000, 30)
        self.assertIn("Not kept by this revision:\n\n- hard: read 51 ms; write 51 ms\n- broken: 30 of 30: 503\n", text)
        self.assertIn("| mild | 49.0 | 49 | 49.0 | 49 | 49.0 | 49 | 30 | none | 7 × 401 |", text)
        self.assertIn("| 3 × closed |", text)

    def test_beside_bulk_loads_a_second_is_allowed(self):
        results = {"quiet": watched(10), bulk_loads.__doc__: watched(1001)}
        self.assertIn("read 1001 ms; write 1001 ms; sign-in 1001 ms", report({"This revision": results}, 1000, 30))
        results = {"quiet": watched(10), bulk_loads.__doc__: watched(999)}
        self.assertIn("All of it is kept.", report({"This revision": results}, 1000, 30))

    def test_an_attack_that_ends_before_anything_was_seen_is_named(self):
        results = {"quiet": watched(10), bulk_loads.__doc__: Watched(summary([]), {401: 8})}
        self.assertIn("no read was sent; no write was sent; no sign-in was sent", report({"This revision": results}, 1000, 30))


if __name__ == "__main__":
    unittest.main()
