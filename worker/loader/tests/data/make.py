#!/usr/bin/env python3
"""Makes the sample files beside it with the writers that archives use: pyarrow and astropy.

    pip install pyarrow astropy && ./make.py
"""

import datetime as dt
import decimal
import os

import pyarrow as pa
import pyarrow.parquet as pq

os.chdir(os.path.dirname(os.path.abspath(__file__)))
D = decimal.Decimal
decimal.getcontext().prec = 80

UTC = dt.timezone.utc
WHEN = dt.datetime(2020, 2, 29, 23, 59, 59, 123456)
EARLY = dt.datetime(1969, 12, 31, 23, 59, 59, 999999)
NANOS = 1_582_977_599_123_456_789

kinds = {
    "id": (pa.int64(), [1, 2, 3]),
    "flag": (pa.bool_(), [True, False, None]),
    "i8": (pa.int8(), [-128, 127, None]),
    "i16": (pa.int16(), [-32768, 32767, None]),
    "i32": (pa.int32(), [-(2**31), 2**31 - 1, None]),
    "i64": (pa.int64(), [-(2**63), 2**63 - 1, None]),
    "u8": (pa.uint8(), [0, 255, None]),
    "u16": (pa.uint16(), [0, 65535, None]),
    "u32": (pa.uint32(), [0, 2**32 - 1, None]),
    "u64": (pa.uint64(), [0, 2**64 - 1, None]),
    "f16": (pa.float16(), [0.5, -65504.0, None]),
    "f32": (pa.float32(), [0.1, 3.4028234663852886e38, None]),
    "f64": (pa.float64(), [0.1, 1.7976931348623157e308, None]),
    "d9": (pa.decimal128(9, 3), [D("-1.005"), D("999999.999"), None]),
    "d18": (pa.decimal128(18, 0), [D("-1"), D("999999999999999999"), None]),
    "d38": (pa.decimal128(38, 10), [D("-0.0000000001"), D("9" * 28 + "." + "9" * 10), None]),
    "d60": (pa.decimal256(60, 30), [D("-0." + "0" * 29 + "1"), D("9" * 30 + "." + "9" * 30), None]),
    "text": (pa.string(), ["tab\there, line\nthere, return\rback\\slash", "ünï\U0001f52d", None]),
    "dict": (pa.dictionary(pa.int8(), pa.string()), ["star", "star", None]),
    "bytes": (pa.binary(), [b"\x00\xff\\N", b"", None]),
    "fixed": (pa.binary(4), [b"\x00\x01\x02\xff", b"\n\t\\ ", None]),
    "day": (pa.date32(), [dt.date(2020, 2, 29), dt.date(1900, 3, 1), None]),
    "clock": (pa.time64("us"), [dt.time(23, 59, 59, 123456), dt.time(0), None]),
    "ms": (pa.timestamp("ms"), [WHEN.replace(microsecond=123000), EARLY.replace(microsecond=999000), None]),
    "us": (pa.timestamp("us", "UTC"), [WHEN.replace(tzinfo=UTC), EARLY.replace(tzinfo=UTC), None]),
    "ns": (pa.timestamp("ns"), [NANOS, -1, None]),
}
schema = pa.schema([pa.field(n, t, nullable=n != "id") for n, (t, _) in kinds.items()])
table = pa.table([pa.array(v, type=t) for t, v in kinds.values()], schema=schema)
codecs = ["snappy", "zstd", "gzip", "lz4", "none"]
pq.write_table(
    table,
    "kinds.parquet",
    row_group_size=2,
    compression={n: codecs[i % 5] for i, n in enumerate(kinds)},
    use_dictionary=["dict", "text"],
    write_page_checksum=True,
)
pq.write_table(
    pa.table({"id": [1], "seen": pa.array([WHEN], pa.timestamp("ns"))}),
    "int96.parquet",
    use_deprecated_int96_timestamps=True,
)
pq.write_table(
    pa.table(
        {
            "objectId": pa.array([1, 2], pa.int64()),
            "ra": [10.5, 11.5],
            "decl": [-1.0, -2.0],
            "name": ["a", None],
            "spectrum": pa.array([[1.0, 2.0], []], pa.list_(pa.float32())),
            "cutout": pa.array([{"x": 1}, None], pa.struct([("x", pa.int32())])),
        }
    ),
    "nested.parquet",
)

import numpy as np
from astropy.io import fits

i64 = np.iinfo(np.int64)
bintable = fits.BinTableHDU.from_columns(
    [
        fits.Column("id", "K", array=np.array([1, 2, 3])),
        fits.Column("flag", "L", array=np.array([True, False, False])),
        fits.Column("u8", "B", array=np.array([0, 255, 7], np.uint8), null=7),
        fits.Column("i8", "B", array=np.array([-128, 127, 0], np.int8), bzero=-128, null=128),
        fits.Column("i16", "I", array=np.array([-32768, 32767, -1], np.int16), null=-1),
        fits.Column("u16", "I", array=np.array([0, 65535, 32768], np.uint16), bzero=2**15, null=0),
        fits.Column("i32", "J", array=np.array([-(2**31), 2**31 - 1, -1], np.int32), null=-1),
        fits.Column("u32", "J", array=np.array([0, 2**32 - 1, 2**31], np.uint32), bzero=2**31, null=0),
        fits.Column("i64", "K", array=np.array([i64.min, i64.max, -1]), null=-1, unit="count"),
        fits.Column("u64", "K", array=np.array([0, 2**64 - 1, 2**63], np.uint64), bzero=2**63, null=0),
        # Its unit and form become TSCAL = 0.25 and TZERO = 1.0 below: astropy does not write those.
        fits.Column("scaled", "I", array=np.array([-6, 45, -4], np.int16), null=-4, unit="s", disp="F8.2"),
        fits.Column("f32", "E", array=np.array([0.1, 3.4028234663852886e38, np.nan], np.float32)),
        fits.Column("f64", "D", array=np.array([0.1, 1.7976931348623157e308, np.nan]), unit="mag"),
        fits.Column("text", "12A", array=np.array(["M 31", " a'b", ""])),
    ],
    name="OBJECTS",
)
image = fits.ImageHDU(np.zeros((3, 5), np.float32))
fits.HDUList([fits.PrimaryHDU(np.ones((2, 2), np.int16)), image, bintable, image]).writeto(
    "kinds.fits", overwrite=True
)
with open("kinds.fits", "rb") as file:
    cards = file.read()
for old, new in [("TUNIT11 = 's       '", "TSCAL11 =                 0.25"), ("TDISP11 = 'F8.2    '", "TZERO11 =                1.0D0")]:
    old, new = old.ljust(80).encode(), new.ljust(80).encode()
    assert old in cards
    cards = cards.replace(old, new)
with open("kinds.fits", "wb") as file:
    file.write(cards)
arrays = fits.BinTableHDU.from_columns(
    [
        fits.Column("id", "J", array=np.array([1, 2])),
        fits.Column("mags", "5E", array=np.arange(10).reshape(2, 5)),
        fits.Column("flux", "PE()", array=np.array([np.zeros(1), np.zeros(3)], dtype=object)),
        fits.Column("pixels", "12X", array=np.zeros((2, 12), bool)),
        fits.Column("z", "C", array=np.zeros(2, np.complex64)),
        fits.Column("name", "4A", array=np.array(["a", "b"])),
    ]
)
fits.HDUList([fits.PrimaryHDU(), arrays]).writeto("arrays.fits", overwrite=True)
fits.HDUList([fits.PrimaryHDU(), bintable, arrays]).writeto("two_tables.fits", overwrite=True)

from astropy.io.votable import from_table, writeto
from astropy.table import MaskedColumn, Table

mask = [False, False, True]
plain = {
    "id": ("i8", [1, 2, 3]),
    "flag": ("?", [True, False, True]),
    "u8": ("u1", [0, 255, 7]),
    "i16": ("i2", [-32768, 32767, 7]),
    "i32": ("i4", [-(2**31), 2**31 - 1, 7]),
    "i64": ("i8", [i64.min, i64.max, 7]),
    "f32": ("f4", [0.1, 3.4028234663852886e38, 7]),
    "f64": ("f8", [0.1, 1.7976931348623157e308, 7]),
    "text": ("U12", ["M 31", " a<'&\U000000fc", ""]),
    "word": ("S8", [b"star", b"a\tb\\", b""]),
}
table = Table(
    {n: MaskedColumn(np.array(v, d), mask=mask if n not in ("id", "flag") else None) for n, (d, v) in plain.items()}
)
table["f64"].unit = "deg"
table["f64"].description = "a number\n  of 64 bits"
table["f64"].meta["ucd"] = "pos.eq.ra;meta.main"
for form in ("tabledata", "binary", "binary2"):
    # BINARY has no flags for missing values: its rows are the two that have all.
    votable = from_table(table[:2] if form == "binary" else table)
    for field in votable.get_first_table().fields:
        if field.name == "f64":
            field.ucd = "pos.eq.ra;meta.main"
    writeto(votable, f"{form}.vot", tabledata_format=form)
