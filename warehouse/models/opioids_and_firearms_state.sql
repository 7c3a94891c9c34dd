-- Deaths by opioids, by all drugs and by firearms beside each other, with what was prescribed, shipped and murdered, for every
-- state and year of the opioid table. Each intent of firearm deaths is taken from the publisher's rows; of all intents there
-- are bounds besides, from an analyst's copy of county rows.
WITH opioid AS (
  SELECT state_fips, state, year, deaths, deaths_low, deaths_high, deaths_status, population
  FROM cdc_opioid_deaths_state
  WHERE drug = 'any_opioid'
),
overdose AS (
  SELECT state_fips, year, deaths, deaths_status FROM cdc_overdose_deaths_state
),
firearm AS (
  SELECT state_fips, year, intent, deaths, deaths_low, deaths_high, deaths_status,
         ROW_NUMBER() OVER (PARTITION BY state_fips, year, intent ORDER BY cause_set NULLS LAST) AS choice
  FROM cdc_firearm_deaths_state
),
-- The counties that the databases of these years have: each that is not said to be missing.
counties AS (
  SELECT SUBSTR(county_fips, 1, 2) AS state_fips, year, COUNT(DISTINCT county_fips) AS counties
  FROM cdc_drug_deaths_county
  WHERE deaths_status <> 'missing'
  GROUP BY SUBSTR(county_fips, 1, 2), year
),
covered AS (
  SELECT DISTINCT SUBSTR(county_fips, 1, 2) AS state_fips FROM cdc_firearm_deaths_county_secondary
),
copied AS (
  SELECT SUBSTR(county_fips, 1, 2) AS state_fips, year, COUNT(*) AS shown, SUM(deaths) AS deaths
  FROM cdc_firearm_deaths_county_secondary
  GROUP BY SUBSTR(county_fips, 1, 2), year
),
copy AS (
  SELECT counties.state_fips, counties.year,
         COALESCE(copied.shown, 0) AS shown,
         counties.counties - COALESCE(copied.shown, 0) AS hidden,
         COALESCE(copied.deaths, 0) AS deaths
  FROM counties
  JOIN covered ON covered.state_fips = counties.state_fips
  LEFT JOIN copied ON copied.state_fips = counties.state_fips AND copied.year = counties.year
),
shipped AS (
  SELECT states.state_fips, arcos_county_year.year, SUM(arcos_county_year.dosage_units) AS dosage_units
  FROM arcos_county_year
  JOIN meta.states AS states ON states.usps = arcos_county_year.buyer_state
  WHERE arcos_county_year.release = '2006-2014'
  GROUP BY states.state_fips, arcos_county_year.year
),
weapons AS (
  SELECT state_fips, year, SUM(murder_victims) AS by_firearm
  FROM fbi_homicide_weapons_state
  WHERE weapon_class = 'firearm'
  GROUP BY state_fips, year
)
SELECT opioid.state_fips,
       opioid.state,
       opioid.year,
       opioid.population,
       opioid.deaths AS opioid_deaths,
       opioid.deaths_low AS opioid_deaths_low,
       opioid.deaths_high AS opioid_deaths_high,
       opioid.deaths_status AS opioid_deaths_status,
       CASE WHEN opioid.deaths >= 10 AND overdose.deaths - opioid.deaths BETWEEN 1 AND 9 THEN NULL ELSE overdose.deaths END AS overdose_deaths,
       CASE WHEN opioid.deaths >= 10 AND overdose.deaths - opioid.deaths BETWEEN 1 AND 9 THEN 'not_shown'
            ELSE COALESCE(overdose.deaths_status, 'missing') END AS overdose_deaths_status,
       CASE WHEN (opioid.deaths >= 10 AND overdose.deaths - opioid.deaths BETWEEN 1 AND 9) OR overdose.deaths = 0 THEN NULL
            ELSE CAST(CAST(100 * opioid.deaths AS DECIMAL(18, 6)) / overdose.deaths AS DECIMAL(9, 4))
            END AS opioid_share_percent,
       every.deaths AS firearm_deaths,
       every.deaths_low AS firearm_deaths_low,
       every.deaths_high AS firearm_deaths_high,
       COALESCE(every.deaths_status, 'missing') AS firearm_deaths_status,
       homicide.deaths AS firearm_homicides,
       homicide.deaths_low AS firearm_homicides_low,
       homicide.deaths_high AS firearm_homicides_high,
       COALESCE(homicide.deaths_status, 'missing') AS firearm_homicides_status,
       suicide.deaths AS firearm_suicides,
       suicide.deaths_low AS firearm_suicides_low,
       suicide.deaths_high AS firearm_suicides_high,
       COALESCE(suicide.deaths_status, 'missing') AS firearm_suicides_status,
       other.deaths AS firearm_not_suicide,
       other.deaths_low AS firearm_not_suicide_low,
       other.deaths_high AS firearm_not_suicide_high,
       COALESCE(other.deaths_status, 'missing') AS firearm_not_suicide_status,
       CAST(CASE WHEN copy.hidden <> 1 THEN copy.deaths END AS BIGINT) AS firearm_copy_low,
       CAST(CASE WHEN copy.hidden <> 1 THEN copy.deaths + 9 * copy.hidden END AS BIGINT) AS firearm_copy_high,
       CAST(copy.shown AS BIGINT) AS firearm_rows_shown,
       CAST(copy.hidden AS BIGINT) AS firearm_rows_hidden,
       CAST(weapons.by_firearm AS BIGINT) AS murder_victims_by_firearm,
       estimated.murder AS murder,
       CAST(shipped.dosage_units / people.population AS DECIMAL(18, 6)) AS dosage_units_per_person,
       dispensed.prescriptions_per_100,
       COALESCE(dispensed.prescriptions_per_100_status, 'missing') AS prescriptions_per_100_status,
       dispensed.source_grade
FROM opioid
LEFT JOIN overdose ON overdose.state_fips = opioid.state_fips AND overdose.year = opioid.year
LEFT JOIN firearm AS every
  ON every.state_fips = opioid.state_fips AND every.year = opioid.year AND every.intent = 'all' AND every.choice = 1
LEFT JOIN firearm AS homicide
  ON homicide.state_fips = opioid.state_fips AND homicide.year = opioid.year AND homicide.intent = 'homicide' AND homicide.choice = 1
LEFT JOIN firearm AS suicide
  ON suicide.state_fips = opioid.state_fips AND suicide.year = opioid.year AND suicide.intent = 'suicide' AND suicide.choice = 1
LEFT JOIN firearm AS other
  ON other.state_fips = opioid.state_fips AND other.year = opioid.year AND other.intent = 'all_but_suicide_and_legal'
     AND other.choice = 1
LEFT JOIN copy ON copy.state_fips = opioid.state_fips AND copy.year = opioid.year
LEFT JOIN weapons ON weapons.state_fips = opioid.state_fips AND weapons.year = opioid.year
LEFT JOIN fbi_estimated_offenses_state AS estimated
  ON estimated.state_fips = opioid.state_fips AND estimated.year = opioid.year
LEFT JOIN shipped ON shipped.state_fips = opioid.state_fips AND shipped.year = opioid.year
LEFT JOIN (SELECT s.state_fips, p.year, p.population FROM arcos_population_state AS p JOIN meta.states AS s ON s.usps = p.state) AS people
  ON people.state_fips = opioid.state_fips AND people.year = opioid.year
LEFT JOIN cdc_opioid_dispensing_state AS dispensed
  ON dispensed.state_fips = opioid.state_fips AND dispensed.year = opioid.year
-- In the order of the key: with so many statuses, the place in it is what tells rows apart where the counts are looked at.
ORDER BY opioid.state_fips NULLS LAST, opioid.year NULLS LAST
