-- Each figure that two of the reports print or that follows from two of them.
WITH zips AS (
  SELECT release, year, drug_code_printed, state_fips, quarter, SUM(grams) AS grams, COUNT(*) AS parts
  FROM history.dea_retail_zip3_quarter
  GROUP BY release, year, drug_code_printed, state_fips, quarter
),
years AS (
  SELECT release, year, drug_code_printed, state_fips, SUM(grams) AS grams, COUNT(*) AS parts
  FROM history.dea_retail_state_quarter
  WHERE report_number = 2
  GROUP BY release, year, drug_code_printed, state_fips
),
bought AS (
  SELECT release, year, drug_code_printed, business_activity, SUM(grams) AS grams, SUM(buyers) AS buyers, COUNT(*) AS parts
  FROM history.dea_retail_buyers_state
  GROUP BY release, year, drug_code_printed, business_activity
),
pairs AS (
  SELECT 'grams: report 1 by state, report 2' AS comparison, zips.release, zips.year, zips.drug_code_printed,
         zips.state_fips, zips.quarter, CAST(NULL AS VARCHAR) AS business_activity,
         CAST(zips.grams AS DECIMAL(18,5)) AS value_a, CAST(states.grams AS DECIMAL(18,5)) AS value_b,
         CAST(0.005 * (zips.parts + 1) AS DECIMAL(18,5)) AS value_slack, true AS should_agree
  FROM zips
  JOIN history.dea_retail_state_quarter AS states
    ON states.report_number = 2 AND states.release = zips.release AND states.state_fips = zips.state_fips
   AND states.drug_code_printed = zips.drug_code_printed AND states.quarter = zips.quarter
  UNION ALL
  SELECT 'grams: report 2 by year, report 4', years.release, years.year, years.drug_code_printed,
         years.state_fips, NULL, NULL,
         CAST(years.grams AS DECIMAL(18,5)), CAST(ranked.grams AS DECIMAL(18,5)),
         CAST(0.005 * (years.parts + 1) AS DECIMAL(18,5)), true
  FROM years
  JOIN history.dea_retail_state_year AS ranked
    ON ranked.release = years.release AND ranked.state_fips = years.state_fips
   AND ranked.drug_code_printed = years.drug_code_printed
  UNION ALL
  SELECT 'grams per 100,000: report 3, report 2 by the population of report 4', rates.release, rates.year,
         rates.drug_code_printed, rates.state_fips, rates.quarter, NULL,
         rates.grams_per_100k,
         CAST(grams.grams * 100000.0 / people.population AS DECIMAL(18,5)),
         CAST(0.005 + 500.0 / people.population AS DECIMAL(18,5)), true
  FROM history.dea_retail_state_quarter AS rates
  JOIN history.dea_retail_state_quarter AS grams
    ON grams.report_number = 2 AND grams.release = rates.release AND grams.state_fips = rates.state_fips
   AND grams.drug_code_printed = rates.drug_code_printed AND grams.quarter = rates.quarter
  JOIN (
    SELECT release, state_fips, MAX(population) AS population
    FROM history.dea_retail_state_year
    GROUP BY release, state_fips
  ) AS people
    ON people.release = rates.release AND people.state_fips = rates.state_fips
  WHERE rates.report_number = 3
  UNION ALL
  SELECT 'grams: report 5 by activity, report 7', bought.release, bought.year, bought.drug_code_printed,
         NULL, NULL, bought.business_activity,
         CAST(bought.grams AS DECIMAL(18,5)), CAST(country.grams AS DECIMAL(18,5)),
         CAST(0.005 * (bought.parts + 1) AS DECIMAL(18,5)), bought.year NOT IN (2011, 2014)
  FROM bought
  JOIN history.dea_retail_buyers_us AS country
    ON country.release = bought.release AND country.business_activity = bought.business_activity
   AND country.drug_code_printed = bought.drug_code_printed
  UNION ALL
  SELECT 'buyers: report 5 by activity, report 7', bought.release, bought.year, bought.drug_code_printed,
         NULL, NULL, bought.business_activity,
         CAST(bought.buyers AS DECIMAL(18,5)), CAST(country.buyers AS DECIMAL(18,5)),
         CAST(0 AS DECIMAL(18,5)), bought.year NOT IN (2011, 2014)
  FROM bought
  JOIN history.dea_retail_buyers_us AS country
    ON country.release = bought.release AND country.business_activity = bought.business_activity
   AND country.drug_code_printed = bought.drug_code_printed
)
SELECT comparison, release, year, drug_code_printed,
       COALESCE(business_activity, state_fips || COALESCE(' Q' || quarter, '')) AS compared,
       state_fips, quarter, business_activity, value_a, value_b,
       CAST(value_a - value_b AS DECIMAL(18,5)) AS value_difference, value_slack, should_agree
FROM pairs
