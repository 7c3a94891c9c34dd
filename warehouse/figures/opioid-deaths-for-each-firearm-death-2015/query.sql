-- Opioid deaths for each death by firearm, suicides among them, 2015: what the ratio is at least and at most, because the
-- copy of the county rows leaves out those of fewer than 10 deaths, and the rows by race and cause hide them too. The District of Columbia is not in the copy.
WITH bounds AS (
  SELECT state,
         CAST(CAST(opioid_deaths AS DOUBLE) / firearm_copy_high AS DECIMAL(9,2)) AS least,
         CAST(CAST(opioid_deaths AS DOUBLE) / GREATEST(firearm_copy_low, COALESCE(firearm_not_legal_low, 0)) AS DECIMAL(9,2)) AS most
  FROM opioids_and_firearms_state
  WHERE year = 2015 AND opioid_deaths IS NOT NULL AND firearm_copy_low > 0
)
SELECT state, CASE WHEN least = most THEN least END AS times, least, most,
       CASE WHEN least < most THEN CAST(least AS VARCHAR) || ' to ' || CAST(most AS VARCHAR) ELSE 'known' END AS status
FROM bounds
UNION ALL
SELECT 'as many' AS state, CAST(1 AS DECIMAL(9,2)) AS times, CAST(1 AS DECIMAL(9,2)) AS least,
       CAST(1 AS DECIMAL(9,2)) AS most, 'known' AS status
ORDER BY least DESC NULLS LAST, most DESC NULLS LAST, state NULLS LAST
