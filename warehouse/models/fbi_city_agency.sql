WITH cities AS (
  SELECT DISTINCT state_fips, state, city FROM fbi_city_offenses
), city AS (
  SELECT state_fips, state, city,
    upper(strip_accents(trim(split_part(city, ',', 1)))) AS upper_name,
    nullif(replace(upper(regexp_replace(trim(split_part(city, ',', 2)), ' County$', '')), 'SAINT', 'ST'), '') AS in_county
  FROM cities
), asked AS (
  SELECT state_fips, state, city, upper_name, in_county,
    regexp_replace(regexp_replace(regexp_replace(upper_name, '^METROPOLITAN ', ''),
      ' (METROPOLITAN|METRO)?( POLICE DEPARTMENT)?$', ''), '[^A-Z]', '', 'g') AS name_key
  FROM city
), agency AS (
  SELECT a.ori, a.agency_name, a.counties, s.state_fips, upper(strip_accents(a.agency_name)) AS upper_name
  FROM fbi_agencies AS a JOIN meta.states AS s ON s.usps = a.state
  WHERE a.agency_type = 'City'
    OR (a.agency_type = 'County' AND NOT regexp_matches(upper(a.agency_name), '(^| )(COUNTY|PARISH)( |$)'))
), known AS (
  SELECT ori, agency_name, counties, state_fips, upper_name,
    regexp_replace(regexp_replace(regexp_replace(upper_name, '^METROPOLITAN ', ''),
      '( METROPOLITAN| METRO)?( POLICE DEPARTMENT| POLICE DEPT| POLICE SERVICES| POLICE DIVISION| POLICE BUREAU| POLICE|'
      || ' SHERIFF''S OFFICE| DEPARTMENT OF PUBLIC SAFETY| PUBLIC SAFETY DEPARTMENT| PUBLIC SAFETY| DEPARTMENT OF POLICE| BUREAU OF POLICE)'
      || '(, [A-Z. ]+ COUNTY)?$', ''),
      '[^A-Z]', '', 'g') AS name_key
  FROM agency
), near AS (
  SELECT c.state_fips, c.city, k.ori, k.agency_name, k.upper_name,
    CASE WHEN k.name_key = c.name_key THEN 0 ELSE 1 END AS distance
  FROM asked AS c JOIN known AS k
    ON k.state_fips = c.state_fips AND (k.name_key = c.name_key OR k.name_key = c.name_key || 'CITY')
   AND (c.in_county IS NULL OR (', ' || k.counties || ',') LIKE ('%, ' || c.in_county || ',%'))
), ranked AS (
  SELECT state_fips, city, ori, agency_name, upper_name, distance,
    min(distance) OVER (PARTITION BY state_fips, city) AS nearest
  FROM near
), found AS (
  SELECT state_fips, city, ori, agency_name, upper_name,
    count(*) OVER (PARTITION BY state_fips, city) AS candidates
  FROM ranked WHERE distance = nearest
), single AS (
  SELECT state_fips, city, max(candidates) AS candidates, max(ori) AS ori, max(agency_name) AS agency_name,
    max(CASE WHEN regexp_matches(upper_name, '(^| )METRO(POLITAN)?( |$)') THEN 1 ELSE 0 END) AS is_metropolitan
  FROM found GROUP BY state_fips, city
), one AS (
  SELECT s.*,
    CASE WHEN s.candidates = 1 AND c.in_county IS NULL THEN max(CASE WHEN c.in_county IS NOT NULL AND s.candidates = 1 THEN 1 ELSE 0 END)
      OVER (PARTITION BY s.ori) ELSE 0 END AS is_anothers
  FROM single AS s JOIN asked AS c ON c.state_fips = s.state_fips AND c.city = s.city
)
SELECT c.state_fips, c.state, c.city,
  CASE WHEN o.candidates = 1 AND o.is_anothers = 0 THEN o.ori END AS ori,
  CASE WHEN o.candidates = 1 AND o.is_anothers = 0 THEN o.agency_name END AS agency_name,
  CASE
    WHEN regexp_matches(c.upper_name, '(^| )METRO(POLITAN)?( |$)') OR (o.candidates = 1 AND o.is_metropolitan = 1) THEN 'metropolitan'
    WHEN c.upper_name LIKE '% TOWNSHIP%' THEN 'township'
    WHEN c.upper_name LIKE '% BOROUGH%' THEN 'borough'
    WHEN c.upper_name LIKE '% TOWN%' THEN 'town'
    WHEN c.upper_name LIKE '% VILLAGE%' THEN 'village'
    WHEN c.upper_name LIKE '% REGIONAL%' OR c.upper_name LIKE '% AREA%' THEN 'several places'
    ELSE 'city'
  END AS jurisdiction_kind,
  CASE WHEN o.candidates IS NULL THEN 'none' WHEN c.in_county IS NULL THEN 'city_name' ELSE 'city_name_in_county' END AS match_method,
  CASE WHEN o.candidates IS NULL THEN 'none' WHEN o.candidates = 1 AND o.is_anothers = 0 THEN 'exact' ELSE 'ambiguous' END AS match_confidence
FROM asked AS c LEFT JOIN one AS o ON o.state_fips = c.state_fips AND o.city = c.city
