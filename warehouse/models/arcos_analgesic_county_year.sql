-- What was sold for pain, by county, drug and year: sales alone, without buprenorphine and without treatment programmes,
-- each of which is counted beside it. A row of the transactions is in one of the four and in no other.
WITH told AS (
  SELECT release, COALESCE(buyer_state, '') AS buyer_state, COALESCE(buyer_county, '') AS buyer_county, buyer_county_fips,
         COALESCE(drug_name, '') AS drug_name, year, dosage_units, base_weight_grams, mme_mg,
         CASE
           WHEN COALESCE(transaction_code, '') <> 'S' THEN 'not_sold'
           WHEN drug_name LIKE '%BUPRENORPHINE%' THEN 'buprenorphine'
           WHEN business_activity IN ('MAINT & DETOX', 'MAINTENANCE', 'DETOXIFICATION', 'COMPOUND/MAINT', 'COMPOUND/DETOX',
                                      'COMP/MAINT/DETOX') THEN 'treatment'
           ELSE 'sold'
         END AS kind
  FROM arcos_transactions
)
SELECT release, buyer_state, buyer_county, MAX(buyer_county_fips) AS buyer_county_fips, drug_name, year,
       CAST(COUNT(CASE WHEN kind = 'sold' THEN 1 END) AS BIGINT) AS transactions,
       CAST(SUM(CASE WHEN kind = 'sold' THEN dosage_units END) AS DECIMAL(18, 5)) AS dosage_units,
       CAST(SUM(CASE WHEN kind = 'sold' THEN base_weight_grams END) AS DECIMAL(38, 18)) AS base_weight_grams,
       CAST(SUM(CASE WHEN kind = 'sold' THEN mme_mg END) AS DECIMAL(38, 18)) AS mme_mg,
       CAST(COUNT(CASE WHEN kind = 'not_sold' THEN 1 END) AS BIGINT) AS transactions_not_sold,
       CAST(COUNT(CASE WHEN kind = 'buprenorphine' THEN 1 END) AS BIGINT) AS transactions_buprenorphine,
       CAST(SUM(CASE WHEN kind = 'buprenorphine' THEN dosage_units END) AS DECIMAL(18, 5)) AS dosage_units_buprenorphine,
       CAST(COUNT(CASE WHEN kind = 'treatment' THEN 1 END) AS BIGINT) AS transactions_treatment,
       CAST(SUM(CASE WHEN kind = 'treatment' THEN dosage_units END) AS DECIMAL(18, 5)) AS dosage_units_treatment,
       CAST(SUM(CASE WHEN kind = 'treatment' THEN base_weight_grams END) AS DECIMAL(38, 18)) AS base_weight_grams_treatment
FROM told
GROUP BY release, buyer_state, buyer_county, drug_name, year
