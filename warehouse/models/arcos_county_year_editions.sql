-- The publisher's two editions of county sums, side by side, for the years of the earlier one.
WITH earlier AS (
  SELECT buyer_state, COALESCE(buyer_county, '') AS buyer_county, buyer_county_fips, year,
         dosage_units_printed, transactions
  FROM history.arcos_county_year
  WHERE release = '2006-2012'
),
later AS (
  SELECT buyer_state, COALESCE(buyer_county, '') AS buyer_county, buyer_county_fips, year,
         dosage_units_printed, transactions
  FROM history.arcos_county_year
  WHERE release = '2006-2014' AND year <= 2012
)
SELECT COALESCE(earlier.buyer_state, later.buyer_state) AS buyer_state,
       COALESCE(earlier.buyer_county, later.buyer_county) AS buyer_county,
       earlier.buyer_county_fips AS county_fips_earlier,
       later.buyer_county_fips AS county_fips_later,
       COALESCE(earlier.year, later.year) AS year,
       earlier.dosage_units_printed AS dosage_units_earlier,
       later.dosage_units_printed AS dosage_units_later,
       CAST(COALESCE(earlier.dosage_units_printed, 0) - COALESCE(later.dosage_units_printed, 0) AS DECIMAL(24, 6))
         AS dosage_units_difference,
       earlier.transactions AS transactions_earlier,
       later.transactions AS transactions_later,
       COALESCE(earlier.transactions, 0) - COALESCE(later.transactions, 0) AS transactions_difference,
       COALESCE(earlier.dosage_units_printed = later.dosage_units_printed
                AND earlier.transactions = later.transactions, false) AS editions_agree
FROM earlier
FULL JOIN later
  ON later.buyer_state = earlier.buyer_state AND later.buyer_county = earlier.buyer_county AND later.year = earlier.year
