"""DuckDB's COPY of an ARCOS file to Parquet: duckdb_copy.py FILE.tsv.gz FOLDER"""
import sys

import duckdb

source, folder = sys.argv[1:3]
typed = {
    "QUANTITY": "DECIMAL(18,5)",
    "DOSAGE_UNIT": "DECIMAL(18,5)",
    "MME_Conversion_Factor": "DECIMAL(18,5)",
    "dos_str": "DECIMAL(18,5)",
    "CALC_BASE_WT_IN_GM": "DOUBLE",
    "TRANSACTION_DATE": "DATE",
}
header = duckdb.sql(
    f"SELECT * FROM read_csv('{source}', delim='\t', quote='', escape='', header=true, all_varchar=true) LIMIT 0"
).columns
columns = ", ".join(f"'{name}': '{typed.get(name, 'VARCHAR')}'" for name in header)
duckdb.sql(
    f"""
    COPY (
      SELECT *, CAST(year(TRANSACTION_DATE) AS INTEGER) AS year
      FROM read_csv('{source}', delim='\t', quote='', escape='', header=true, nullstr='null', dateformat='%m%d%Y',
                    columns={{{columns}}})
    ) TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (year), WRITE_PARTITION_COLUMNS true)
    """
)
