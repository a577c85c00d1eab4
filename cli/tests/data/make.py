#!/usr/bin/env python3
"""Makes the sample files beside it with the writers that archives use: pyarrow and astropy.

    pip install pyarrow astropy && ./make.py
"""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io.votable import from_table, writeto
from astropy.table import MaskedColumn, Table

os.chdir(os.path.dirname(os.path.abspath(__file__)))

gaia = Table(
    {
        "solution_id": np.array([1636148068921376768] * 2),
        "DESIGNATION": ["Gaia DR3 4295806720", "Gaia DR3 34361129088"],
        "source_id": np.array([4295806720, 34361129088]),
        "ref_epoch": [2016.0, 2016.0],
        "ra": [44.99615537864534, 45.00432028915398],
        "ra_error": np.array([0.10161827, 0.09731972], np.float32),
        "dec": [0.005615226341865997, 0.021047763781174733],
        "parallax": MaskedColumn([0.3543305595550248, 0], mask=[False, True]),
        "astrometric_params_solved": np.array([31, 3], np.int16),
        "phot_g_mean_mag": np.array([17.641426, 19.5], np.float32),
        "has_xp_continuous": [False, True],
    }
)
gaia["ra"].unit = gaia["dec"].unit = "deg"
gaia["ra_error"].unit = "mas"
gaia["parallax"].unit = "mas"
gaia["ra"].description = "Right ascension"
for name, ucd in {
    "solution_id": "meta.version",
    "source_id": "meta.id",
    "ra": "pos.eq.ra;meta.main",
    "ra_error": "stat.error;pos.eq.ra",
    "dec": "pos.eq.dec;meta.main",
}.items():
    gaia[name].meta["ucd"] = ucd
gaia.write("gaia.ecsv", delimiter=",", overwrite=True)

votable = from_table(gaia)
for field in votable.get_first_table().fields:
    field.ucd = gaia[field.name].meta.get("ucd")
writeto(votable, "gaia.vot", tabledata_format="binary2")

pq.write_table(
    pa.table(
        {
            "_healpix_29": pa.array([1, 2], pa.int64()),
            "objectId": pa.array([1, 2], pa.int64()),
            "coord_ra": [53.1, 53.2],
            "coord_dec": [-27.8, -27.9],
            "g_psfFlux": pa.array([1.5, None], pa.float32()),
            "refExtendedness": pa.array([0.0, 1.0], pa.float32()),
            "detect_isPrimary": [True, False],
            "lightcurve": pa.array([[1.0], []], pa.list_(pa.float32())),
            "band": pa.array(["r", None]),
            "visitTime": pa.array([None, 1], pa.timestamp("ns", "UTC")),
            "Norder": pa.array([2, 2], pa.uint8()),
            "Npix": pa.array([7, 7], pa.uint64()),
        }
    ),
    "hats.parquet",
    compression="zstd",
)
