WITH place AS (
  SELECT state, counties,
    regexp_replace(regexp_replace(upper(strip_accents(place_name)), ' (CITY|TOWN|VILLAGE|BOROUGH|MUNICIPALITY)$', ''), '[^A-Z]', '', 'g') AS name_key
  FROM geo_places WHERE place_type = 'Incorporated Place'
), unplaced AS (
  SELECT ori, state,
    regexp_replace(regexp_replace(upper(strip_accents(agency_name)),
      '( CITY)?( POLICE DEPARTMENT| SHERIFF''S OFFICE| DEPARTMENT OF PUBLIC SAFETY)$', ''), '[^A-Z]', '', 'g') AS name_key
  FROM fbi_agencies WHERE agency_type = 'City' AND counties IN ('NOT SPECIFIED', 'UNMAPPED COUNTY')
), of_place AS (
  SELECT u.ori, max(p.counties) AS counties
  FROM unplaced AS u JOIN place AS p ON p.state = u.state AND p.name_key = u.name_key
  GROUP BY u.ori HAVING count(*) = 1
), listed AS (
  SELECT a.ori, a.state, a.agency_name, a.agency_type, coalesce(p.counties, a.counties) AS counties,
    CASE WHEN p.ori IS NULL THEN 0 ELSE 1 END AS by_place
  FROM fbi_agencies AS a LEFT JOIN of_place AS p ON p.ori = a.ori
), printed AS (
  SELECT a.ori, a.state, a.agency_name, a.agency_type, a.by_place, trim(part.county_name_printed) AS county_name_printed,
    count(*) OVER (PARTITION BY a.ori) AS counties_served
  FROM listed AS a, unnest(string_split(a.counties, ', ')) AS part(county_name_printed)
  WHERE a.counties IS NOT NULL
), agency AS (
  SELECT *, replace(upper(county_name_printed), 'SAINT', 'ST') AS upper_name FROM printed
), asked AS (
  SELECT *, regexp_replace(regexp_replace(upper_name, ' (COUNTY|PARISH|BOROUGH|CENSUS AREA|MUNICIPALITY|PLANNING REGION)$', ''), '[^A-Z]', '', 'g') AS name_key
  FROM agency
), county AS (
  SELECT county_fips, state, kind, max(coalesce(valid_to, DATE '9999-12-31')) AS last_day,
    replace(upper(strip_accents(max(name))), 'SAINT', 'ST') AS upper_name
  FROM geo_counties GROUP BY county_fips, state, kind
), known AS (
  SELECT county_fips, state, last_day,
    regexp_replace(
      CASE WHEN kind = 'independent_city' THEN upper_name
        ELSE regexp_replace(upper_name, ' (COUNTY|PARISH|CITY AND BOROUGH|BOROUGH|CENSUS AREA|MUNICIPALITY|PLANNING REGION)$', '') END,
      '[^A-Z]', '', 'g') AS name_key
  FROM county
), city AS (
  SELECT k.county_fips, k.state, k.last_day, regexp_replace(k.name_key, 'CITY$', '') AS name_key
  FROM known AS k JOIN county AS c USING (county_fips)
  WHERE c.kind = 'independent_city'
    AND NOT EXISTS (
      SELECT 1 FROM known AS other
      WHERE other.state = k.state AND other.name_key = regexp_replace(k.name_key, 'CITY$', '')
    )
), named AS (
  SELECT * FROM known UNION ALL SELECT * FROM city
), found AS (
  SELECT a.ori, a.county_name_printed, n.county_fips, n.last_day
  FROM asked AS a JOIN named AS n ON n.state = a.state AND n.name_key = a.name_key
), best AS (
  SELECT ori, county_name_printed, max(last_day) AS last_day,
    count(*) FILTER (WHERE last_day = DATE '9999-12-31') AS in_force, count(*) AS candidates
  FROM found GROUP BY ori, county_name_printed
), one AS (
  SELECT b.ori, b.county_name_printed, b.in_force, b.candidates, max(f.county_fips) AS county_fips,
    count(DISTINCT f.county_fips) AS codes
  FROM best AS b JOIN found AS f
    ON f.ori = b.ori AND f.county_name_printed = b.county_name_printed AND f.last_day = b.last_day
  GROUP BY b.ori, b.county_name_printed, b.in_force, b.candidates
)
SELECT a.ori, a.state, a.agency_name, a.agency_type, a.county_name_printed, a.counties_served,
  CASE WHEN o.codes = 1 THEN o.county_fips END AS county_fips,
  CASE WHEN o.codes IS NULL THEN 'none' WHEN a.by_place = 1 THEN 'place_name' WHEN o.in_force > 0 THEN 'county_name' ELSE 'county_name_at' END AS match_method,
  CASE WHEN o.codes IS NULL THEN 'none' WHEN o.codes = 1 THEN 'exact' ELSE 'ambiguous' END AS match_confidence
FROM asked AS a LEFT JOIN one AS o ON o.ori = a.ori AND o.county_name_printed = a.county_name_printed
