-- Offences that agencies reported, beside how many of their months were received. A second record of an agency counts
-- nothing, and nor does an agency whose crimes are counted under another.
WITH months AS (
  SELECT state_fips, year, ori, covered_by_ori, population, month_status, month_included_in,
         CAST(EXTRACT(month FROM month) AS BIGINT) AS month_number,
         murder, rape, robbery, aggravated_assault, burglary, larceny, motor_vehicle_theft
  FROM fbi_return_a_month
  WHERE agency_record = 1 AND state_fips IS NOT NULL
),
reported AS (
  SELECT ori, year, month_number FROM months WHERE month_status = 'reported'
),
counted AS (
  SELECT months.*,
         CASE WHEN months.month_status = 'reported' THEN 1 ELSE 0 END AS is_reported,
         CASE WHEN months.month_status = 'included_elsewhere' AND reported.ori IS NOT NULL THEN 1 ELSE 0 END AS is_included
  FROM months
  LEFT JOIN reported
    ON reported.ori = months.ori AND reported.year = months.year AND reported.month_number = months.month_included_in
),
by_agency AS (
  SELECT state_fips, year, ori,
         MAX(CASE WHEN covered_by_ori IS NULL THEN 1 ELSE 0 END) AS is_own,
         MAX(population) AS population,
         COUNT(*) AS possible,
         SUM(is_reported) AS reported,
         SUM(is_included) AS included,
         SUM(murder) AS murder,
         SUM(rape) AS rape,
         SUM(robbery) AS robbery,
         SUM(aggravated_assault) AS aggravated_assault,
         SUM(burglary) AS burglary,
         SUM(larceny) AS larceny,
         SUM(motor_vehicle_theft) AS motor_vehicle_theft
  FROM counted
  GROUP BY state_fips, year, ori
)
SELECT state_fips,
       year,
       CAST(SUM(is_own) AS BIGINT) AS agencies,
       CAST(SUM(1 - is_own) AS BIGINT) AS agencies_covered_by_others,
       CAST(SUM(CASE WHEN is_own = 1 AND reported + included = possible THEN 1 ELSE 0 END) AS BIGINT) AS agencies_complete,
       CAST(SUM(CASE WHEN is_own = 1 THEN possible ELSE 0 END) AS BIGINT) AS agency_months_possible,
       CAST(SUM(CASE WHEN is_own = 1 THEN reported ELSE 0 END) AS BIGINT) AS agency_months_reported,
       CAST(SUM(CASE WHEN is_own = 1 THEN included ELSE 0 END) AS BIGINT) AS agency_months_included_elsewhere,
       CAST(SUM(CASE WHEN is_own = 1 THEN reported + included ELSE 0 END) AS BIGINT) AS agency_months_received,
       CAST(SUM(CASE WHEN is_own = 1 THEN population END) AS BIGINT) AS population,
       CAST(SUM(CASE WHEN is_own = 1 AND reported + included = possible THEN population END) AS BIGINT) AS population_complete,
       CAST(SUM(CASE WHEN is_own = 1 THEN murder END) AS BIGINT) AS murder,
       CAST(SUM(CASE WHEN is_own = 1 THEN rape END) AS BIGINT) AS rape,
       CAST(SUM(CASE WHEN is_own = 1 THEN robbery END) AS BIGINT) AS robbery,
       CAST(SUM(CASE WHEN is_own = 1 THEN aggravated_assault END) AS BIGINT) AS aggravated_assault,
       CAST(SUM(CASE WHEN is_own = 1 THEN burglary END) AS BIGINT) AS burglary,
       CAST(SUM(CASE WHEN is_own = 1 THEN larceny END) AS BIGINT) AS larceny,
       CAST(SUM(CASE WHEN is_own = 1 THEN motor_vehicle_theft END) AS BIGINT) AS motor_vehicle_theft
FROM by_agency
GROUP BY state_fips, year
