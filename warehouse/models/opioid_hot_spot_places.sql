-- The dozen hot spots by name: of each up to three counties, those most often in one first, and how many there are besides.
WITH names AS (
  SELECT county_fips, MAX(CONCAT(name, ', ', state)) AS name
  FROM geo_counties
  GROUP BY county_fips
),
ordered AS (
  SELECT spots.hot_spot, spots.hot_spot_named, spots.hot_spot_share, spots.period_start, spots.period_end,
         COALESCE(names.name, spots.county_fips) AS name,
         ROW_NUMBER() OVER (
           PARTITION BY spots.hot_spot
           ORDER BY spots.hot_spot_share DESC NULLS LAST, spots.hot_spot_share_centre DESC NULLS LAST, spots.county_fips NULLS LAST
         ) AS place
  FROM opioid_hot_spots AS spots
  LEFT JOIN names ON names.county_fips = spots.county_fips
  WHERE spots.hot_spot IS NOT NULL
)
SELECT hot_spot,
       MAX(hot_spot_named) AS hot_spot_named,
       CONCAT(
         MAX(CASE WHEN place = 1 THEN name END),
         CASE WHEN COUNT(*) > 1 THEN CONCAT('; ', MAX(CASE WHEN place = 2 THEN name END)) ELSE '' END,
         CASE WHEN COUNT(*) > 2 THEN CONCAT('; ', MAX(CASE WHEN place = 3 THEN name END)) ELSE '' END,
         CASE WHEN COUNT(*) > 3 THEN CONCAT('; and ', CAST(COUNT(*) - 3 AS VARCHAR), ' more') ELSE '' END
       ) AS counties_named,
       CAST(COUNT(*) AS BIGINT) AS counties_counted,
       MIN(hot_spot_share) AS hot_spot_share_least,
       MAX(hot_spot_share) AS hot_spot_share_most,
       MIN(period_start) AS period_start,
       MAX(period_end) AS period_end
FROM ordered
GROUP BY hot_spot
ORDER BY hot_spot NULLS LAST
