"""Two business days run by commands alone, on a real platform: what each command said, by a name for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka import Producer

from settlement.cli.explain_log import read_fixings
from settlement.wire import codec
from streams.gateway.controls import Accepted, Controls
from tests.cli.novate import Told, run
from tests.e2e.house import House

HEADER: Final = "source_seq,trade_id,contract,buyer,seller,lots,price,executed_at\n"
TERMS: Final = """\
- contract: GPUH-2026-08  # no tiers: its price is given by hand
  product: H100
  currency: USD
  size: 730
  month: 2026-08
  tick: 0.001
  fee: 0.35
  position_limit: 6
- contract: TOK
  currency: CNY
  size: 1000
  tick: 0.01
  position_limit: 4
  daily_settlement: {window: day, tiers: [vwap, previous]}
"""
HEDGE: Final = "use: [{month: 2026-08, index: H100, quantity: 7300, premium: 0.10}]\naccounts: [A]\n"
SERIES: Final = """\
- {series: H100, methodology: gpu-rental, min_providers: 4}
- {series: TOK, value_per_provider: last, across_providers: median, precision: 4}
- {series: BAD, value_per_provider: last, across_providers: median,
   precision: 40}
- {series: WORSE, methodology: gpu-rent}
"""
SERIES_CHANGED: Final = (
    '{"series": "TOK", "value_per_provider": "median", "across_providers": "median", "precision": 2}'
)
BANK_OF_CHINA: Final = "currency: CNY\nsource: a test\nholidays: [2026-08-05, 2026-08-04]\n"
DEARER: Final = (
    "{contract: GPUH-2026-08, product: H100, month: 2026-08, currency: USD, size: 730, tick: 0.001, fee: 0.50}\n"
)
ACCOUNTS: Final = "account,member,origin,positions\nA,M01,house,net\nB,M02,client,net\n"
ACCOUNTS_WITH_BAD_ROWS: Final = "account,member,origin,positions\nD,M03,house,gross\nE,M03,hous,net\nF,M03\n"
FIRST_DAY: Final = HEADER + (
    "1,T1,GPUH-2026-08,A,B,10,2.350,2026-08-03T15:00:00Z\n"
    "2,T2,GPUH-2026-08,A,X,10,2.350,2026-08-03T15:00:00Z\n"
    "3,T3,TOK,A,B,5,12.30,2026-08-03T15:00:00Z\n"
    "4,T4,GPUH-2026-08,A,B,1,2.3505,2026-08-03T15:00:00Z\n"
    "5,garbage\n"
    "6,T6,TOK,A,B,1,12.31,2026-08-03T15:00:00Z"  # half-written
)
SECOND_DAY: Final = FIRST_DAY + "\n7,T7,NOPE,A,B,1,12.31,2026-08-04T15:00:00Z\n"
THIRD_DAY: Final = HEADER + "1,T8,GPUH-2026-08,A,B,2,2.350,2026-08-05T15:00:00Z\n"
REUSED: Final = FIRST_DAY.replace("2.350,", "2.351,", 1)
PEOPLE: Final = ("--by", "ann", "--approved-by", "bob", "--reason", "a test")


@dataclass(slots=True)
class Operated:
    """The days, and the files that were fed; the platform runs on."""

    house: House
    files: Path
    told: dict[str, Told] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Told:
        return self.told[name]

    def run(self) -> None:
        """Do everything that an operator does on two days, mistakes included."""
        self._set_up()
        self._new_terms()
        self._first_day()
        self._second_day()
        self._third_day()

    def novate(self, name: str, *arguments: str | Path) -> Told:
        """Run a command and keep what it said."""
        self.told[name] = run(*arguments, data=self.house.data, env=self.house.environment)
        return self.told[name]

    def file(self, name: str, content: str) -> Path:
        """Write a file for a command."""
        path = self.files / name
        path.write_text(content)
        return path

    def _set_up(self) -> None:
        terms = self.file("terms.yaml", TERMS)
        self.novate("contract add", "contract", "add", terms, "--by", "ann")
        self.novate("contract add again", "contract", "add", terms, "--json")
        self.novate("contract list", "contract", "list", "--json")
        self.novate("contract show", "contract", "show", "TOK", "--json")
        series = self.file("series.yaml", SERIES)
        self.novate("series add", "series", "add", series, "--by", "ann")
        self.novate("series add again", "series", "add", series, "--json")
        self.novate("series changed", "series", "add", self.file("changed.json", SERIES_CHANGED))
        self.novate("series list", "series", "list", "--json")
        self.novate("series show", "series", "show", "H100", "--json")
        self.novate("series shown", "series", "show", "TOK")
        self.novate("series unknown", "series", "show", "H10")
        self.novate("contract unknown", "contract", "show", "TOKI")
        self.novate("account add", "account", "add", self.file("accounts.csv", ACCOUNTS))
        self.novate("account rows", "account", "add", self.file("bad.csv", ACCOUNTS_WITH_BAD_ROWS))
        other = ("--member", "M01", "--origin", "client", "--positions", "net")
        self.novate("account changed", "account", "add", "A", *other)
        self.novate("account list", "account", "list", "--json")
        self.file("trades.csv", FIRST_DAY)
        self.novate("ingest too early", "ingest", self.files / "trades.csv")
        self.told["spooled too early"] = Told(int((self.house.data / "feeds" / "trades.jsonl").exists()), "", "")
        self.novate("calendar add", "calendar", "add", self.file("cny.yaml", BANK_OF_CHINA), "--json")
        self.novate("calendar add again", "calendar", "add", self.files / "cny.yaml")
        self.novate("calendar bad", "calendar", "add", self.file("bad.yaml", "currency: USX\nholidays: [2026-08-32]\n"))
        self.novate("calendar list", "calendar", "list", "--json")
        self.novate("cut too early", "day", "cut")
        self.novate("day open", "day", "open", "2026-08-03")
        self.novate("day open again", "day", "open", "2026-08-03")
        self.novate("day open another", "day", "open", "2026-08-04", "--json")

    def _new_terms(self) -> None:
        """Make GPUH dearer from the third day on."""
        dearer, contract = self.file("dearer.yaml", DEARER), "GPUH-2026-08"
        frozen = self.file("frozen.yaml", DEARER.replace("730", "744"))
        self.novate("terms", "contract", "add", dearer, "--from", "2026-08-05")
        self.novate("terms again", "contract", "add", dearer, "--from", "2026-08-05")
        self.novate("terms too late", "contract", "add", dearer, "--from", "2026-07-31")
        self.novate("terms frozen", "contract", "add", frozen, "--from", "2026-08-05")
        self.novate("terms shown", "contract", "show", contract)
        self.novate("terms in force", "contract", "show", contract, "--json")
        self.novate("terms planned", "contract", "show", contract, "--on", "2026-09-01", "--json")
        self.novate("versions", "contract", "show", contract, "--versions", "--json")

    def _first_day(self) -> None:
        trades = self.files / "trades.csv"
        self.novate("ingest", "ingest", trades)
        self.novate("ingest again", "ingest", trades, "--json")
        self.novate("ingest strictly", "ingest", trades, "--strict")
        reused = self.file("reused.csv", REUSED)
        self.novate("reused", "ingest", reused, "--feed", "trades", "--json")
        self.novate(
            "gap",
            "ingest",
            self.file("gap.csv", HEADER + "9,T9,TOK,A,B,1,12.30,2026-08-03T15:00:00Z\n"),
            "--feed",
            "trades",
        )
        self.novate("bust unknown", "bust", "T99", "--json")
        self.novate("intraday", "price", "2026-08-03", "GPUH-2026-08=2.355", "--intraday")
        self.novate("price too early", "price", "2026-08-03", "GPUH-2026-08=2.362")
        self.novate("one person", "waive", "trades", "2", "--by", "ann", "--approved-by", "ann")
        for number in (2, 4, 5):
            self.novate(f"waive {number}", "waive", "trades", str(number), *PEOPLE)
        self.novate("waive again", "waive", "trades", "2", *PEOPLE)
        self.novate("settle too early", "settle", "2026-08-04")
        self.novate("day cut", "day", "cut", "--json")
        self.house.wait("pricing to propose", self._is_refused)
        self.novate("tiers", "price", "2026-08-03", "--show", "--json")
        self.novate("day show", "day", "show")
        self.novate("settle without prices", "settle", "2026-08-03")
        self.novate("off the tick", "price", "2026-08-03", "GPUH-2026-08=2.3625")
        by_hand = ("price", "2026-08-03", "GPUH-2026-08=2.362", "TOK=12.31")
        why = ("--reason", "one thin trade", "--reference", "X-17")
        self.novate("override what if", *by_hand, "--what-if", "--json")
        self.novate("override by one", *by_hand, "--by", "ann", *why)
        self.novate("override by pricing", *by_hand, "--by", "pricing", *why)
        self.novate("price", *by_hand, "--by", "ann", "--approved-by", "bob", *why)
        self.novate("price again", *by_hand, "--json")
        self.novate("explain price", "explain", "price", "TOK", "2026-08-03", "--json")
        self.novate("explain price shown", "explain", "price", "TOK", "2026-08-03")
        self.novate("price otherwise", "price", "2026-08-03", "GPUH-2026-08=2.363", "--json")
        self.novate("settle", "settle", "2026-08-03")
        self.novate("settle again", "settle", "2026-08-03", "--json")
        for name in ("margin", "payments", "positions"):
            self.novate(name, name, "--date", "2026-08-03", "--json")
        self.novate("hedge", "hedge", self.file("hedge.yaml", HEDGE), "--platform", "--json")
        slip = self.file("slip.yaml", HEDGE.replace("[A]", "[A, BB]"))
        self.novate("hedge of a slip", "hedge", slip, "--platform")
        self.novate("positions shown", "positions")
        for way in ("json", "csv"):
            self.novate(f"statement {way}", "statement", "M01", "2026-08-03", f"--{way}")
        self.novate("statement", "statement", "M01", "2026-08-03")
        self.novate("statement of nobody", "statement", "M99", "2026-08-03")

    def _is_refused(self) -> bool:
        return "MISSING_PRICE" in self.novate("day show of the cut", "day", "show", "--json").out

    def _second_day(self) -> None:
        self.novate("ingest grown", "ingest", self.file("trades.csv", SECOND_DAY), "--json")
        self.novate("bust what if", "bust", "T1", "--what-if", "--json")
        self.novate("bust what if shown", "bust", "T1", "--what-if")
        self.novate("bust what if used", "bust", "T1", "--what-if", "--id", "waive/trades/2/1")
        self.novate("bust stale", "bust", "T1", "--approved-for", "2026-08-03", "--json")
        self.novate("bust", "bust", "T1", "--by", "ann", "--reason", "fat finger")
        self.novate("bust again", "bust", "T1")
        self.novate(
            "price with cut", "price", "2026-08-04", "GPUH-2026-08=2.341", "TOK=12.40", "--cut", "--id", "mine", *PEOPLE
        )
        self.house.wait("the settlement run to halt", self.house.halted, halted=True)
        self.novate("breach", "settle", "2026-08-04")
        self.novate("breach json", "settle", "2026-08-04", "--json")
        self.novate("halted again", "settle", "--retry")
        self.novate("statement too early", "statement", "M01", "2026-08-04")
        self.novate("waive the break", "waive", "trades", "7", *PEOPLE)
        self.novate("retry", "settle", "--retry")
        self.novate("settle the second", "settle", "2026-08-04")
        self.novate("settle the first once more", "settle", "2026-08-03")
        self.novate("statement of the bust", "statement", "M01", "2026-08-04", "--json")
        self.novate("status", "status")
        self.novate("status json", "status", "--json")
        self.novate("show over the limit", "contract", "show", "TOK")

    def _third_day(self) -> None:
        between = ("--from", "A", "--to", "B")
        self.novate("versions then", "contract", "show", "GPUH-2026-08", "--versions", "--json")
        self.novate("dearer trade", "ingest", self.file("third.csv", THIRD_DAY))
        self.novate("adjust", "adjust", "T3", "12.31")
        self.novate("adjust again", "adjust", "T3", "12.31")
        self.novate("adjust otherwise", "adjust", "T3", "12.32", "--json")
        self.novate("adjust back", "adjust", "T3", "12.31", "--json")
        self.novate("average", "average", "A", "TOK", "T3", "--side", "buy")
        self.novate("transfer by one", "transfer", "TOK", "2", *between, "--by", "ann")
        self.novate("transfer", "transfer", "TOK", "2", *between, *PEOPLE)
        self.novate("correct", "correct", "TOK", "2026-08-04", "12.41", *PEOPLE)
        self.novate("cash", "cash", "TOK", "1.50", *between, "--why", "goodwill", *PEOPLE)
        self.novate("close out", "close-out", "D", "TOK", "1", "--json")
        self.novate("give up badly", "give-up", "request", "T3", "--side", "buy", "--to", "D")
        self.novate("give up", "give-up", "request", "T3", "--side", "buy", "--to", "D=2", "--to", "B=1")
        self.novate("pending", "give-up", "list", "--json")
        self.novate("pending of nobody", "give-up", "list", "--account", "X", "--json")
        self.novate("pending shown", "give-up", "list")
        self.novate("accept", "give-up", "accept", "request_give_up/T3/1", "D")
        self.novate("refuse", "give-up", "refuse", "request_give_up/T3/1", "B", "--why", "not ours")
        self.novate("withdraw", "give-up", "withdraw", "request_give_up/T3/1", "--json")
        self.novate("pending no more", "give-up", "list", "--json")
        self.novate("provisional", "final", "TOK", "2026-08-05", "12.35", "--status", "provisional", *PEOPLE)
        self._fixings()
        self.novate("cut the third", "day", "cut", "--hold")
        self.novate("held", "price", "2026-08-05", "--show", "--json")
        self.novate("price the third", "price", "2026-08-05", "GPUH-2026-08=2.350", "TOK=12.40", *PEOPLE)
        self.house.wait("the third day to be posted", self._is_posted)
        self._bank()
        self.novate("margin of the third", "margin", "--date", "2026-08-05", "--json")
        self.novate("replay", "replay")
        self._lie()
        self.novate("replay after the lie", "replay", "--json")

    def _lie(self) -> None:
        """Write past every command: a price of no tier with a tier's name, and a fixing that nothing gives."""
        prices = {"GPUH-2026-08": "2.350", "TOK": {"price": "12.99", "tier": "vwap", "would_have_been": None}}
        payload = {"date": "2026-08-06", "kind": "end_of_day", "cut": True, "prices": prices}
        with Controls(self.house.endpoints.kafka) as controls:
            offset = controls.append("prices", payload, control_id="lie", requested_by="mallory")
            assert controls.outcome("lie", offset) == Accepted(repeated=False)
        [fixing] = [one for one in read_fixings(self.house.endpoints.kafka) if one["series"] == "ADMIN"]
        producer = Producer({"bootstrap.servers": self.house.endpoints.kafka})
        producer.produce("index-fixings", codec.encode("fixing", {**fixing, "value_nano": 2_500_000_000}), partition=0)
        assert producer.flush(30) == 0

    def _fixings(self) -> None:
        """A series is fixed from what was observed, which is nothing; an administrator prints values of another."""
        at = ("--at", "2026-08-05T16:00:00Z")
        self.novate("series fix", "series", "fix", "TOK", "2026-08-05", *at)
        self.novate("series fix again", "series", "fix", "TOK", "2026-08-05", *at)
        self.novate("series fix unknown", "series", "fix", "NOPE", "2026-08-05", *at, "--json")
        self.novate("series print", "series", "print", "ADMIN", "2026-08-05", "2.3343")
        self.novate("series print badly", "series", "print", "ADMIN", "2026-08-05", "2,33", "--json")
        self.house.wait("both to be fixed", self._is_fixed)

    def _is_fixed(self) -> bool:
        found = [
            self.novate(f"fixings of {name}", "series", "fixings", name, "--json").json for name in ("TOK", "ADMIN")
        ]
        return all(found)

    def _bank(self) -> None:
        first = next(one for one in self["payments"].json if one["member"] == "M01")
        told = (first["payment"], "--", first["amount"])
        self.novate("payments open", "payments", "--open", "--json")
        self.novate("bank instruct", "bank", "instruct", "--json", *told)
        self.novate("bank instruct again", "bank", "instruct", *told)
        self.novate("bank fail", "bank", "fail", "--why", "account closed", "--reference", "B-7", *told)
        self.novate("bank confirm too early", "bank", "confirm", *told)
        self.novate("bank instruct anew", "bank", "instruct", *told)
        self.novate("bank confirm", "bank", "confirm", *told)
        self.novate("bank due", "bank", "instruct-due", "2026-08-05", "--json")
        self.house.wait("the answers to be posted", self._has_answers)
        self.novate("payments open after the bank", "payments", "--open", "--json")
        self.novate("payments after the bank", "payments", "--date", "2026-08-03", "--json")

    def _has_answers(self) -> bool:
        return len(self.novate("bank list", "bank", "list", "--json").json) == 5 + len(self["bank due"].json)

    def _is_posted(self) -> bool:
        return self.novate("settle the third", "settle", "2026-08-05").code == 0
