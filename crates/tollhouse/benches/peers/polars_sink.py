"""Polars' sink_parquet of an ARCOS file: polars_sink.py FILE.tsv.gz FOLDER"""
import sys

import polars as pl

source, folder = sys.argv[1:3]
number = {"QUANTITY", "DOSAGE_UNIT", "MME_Conversion_Factor", "dos_str"}
header = pl.scan_csv(source, separator="\t", quote_char=None, infer_schema=False).collect_schema().names()
schema = {
    name: pl.Decimal(18, 5) if name in number else pl.Float64 if name == "CALC_BASE_WT_IN_GM" else pl.String
    for name in header
}
rows = pl.scan_csv(source, separator="\t", quote_char=None, null_values="null", schema=schema)
day = pl.col("TRANSACTION_DATE").str.to_date("%m%d%Y")
rows = rows.with_columns(TRANSACTION_DATE=day, year=day.dt.year())
rows.sink_parquet(pl.PartitionBy(folder, key="year", include_key=True), compression="zstd", mkdir=True)
