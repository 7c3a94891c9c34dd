-- Deaths by opioids, by all drugs and by firearms beside each other, with what was prescribed, shipped and murdered, for every
-- state and year of the opioid table. Each intent of firearm deaths is taken from the publisher's rows; of all intents there
-- are bounds besides, from an analyst's copy of county rows; of each intent and of all but legal intervention, from the publisher's
-- rows by race and cause, many of which are hidden: what is shown is the least, 9 for each hidden row added the most. A least that
-- stands 1-9 below a count that is known is lowered to 10 below it: the difference is a small count that is hidden.
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
-- A year of all four races has 48 rows for each state, 12 of them of homicide and 12 of suicide, and those that are hidden are not there.
whole AS (
  SELECT year FROM cdc_firearm_deaths_state_race GROUP BY year HAVING COUNT(DISTINCT race) = 4
),
rows_by_race AS (
  SELECT r.state_fips, r.year,
         SUM(r.deaths) AS every_low,
         SUM(r.deaths) + 9 * (48 - COUNT(*)) AS every_high,
         SUM(CASE WHEN r.intent = 'homicide' THEN r.deaths ELSE 0 END) AS homicides_low,
         SUM(CASE WHEN r.intent = 'homicide' THEN r.deaths - 9 ELSE 0 END) + 108 AS homicides_high,
         SUM(CASE WHEN r.intent = 'suicide' THEN r.deaths ELSE 0 END) AS suicides_low,
         SUM(CASE WHEN r.intent = 'suicide' THEN r.deaths - 9 ELSE 0 END) + 108 AS suicides_high
  FROM cdc_firearm_deaths_state_race AS r
  JOIN whole ON whole.year = r.year
  GROUP BY r.state_fips, r.year
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
known AS (
  SELECT r.state_fips, r.year, r.every_low, r.every_high, r.homicides_low, r.homicides_high, r.suicides_low, r.suicides_high,
         CASE WHEN other.deaths >= 10 THEN other.deaths END AS not_suicide,
         COALESCE(every.deaths, CASE WHEN copy.hidden = 0 THEN copy.deaths END) AS all_intents
  FROM rows_by_race AS r
  LEFT JOIN firearm AS every
    ON every.state_fips = r.state_fips AND every.year = r.year AND every.intent = 'all' AND every.choice = 1
  LEFT JOIN firearm AS other
    ON other.state_fips = r.state_fips AND other.year = r.year AND other.intent = 'all_but_suicide_and_legal' AND other.choice = 1
  LEFT JOIN copy ON copy.state_fips = r.state_fips AND copy.year = r.year
),
lowered AS (
  SELECT state_fips, year, every_high, homicides_high, suicides_high, all_intents,
         CASE WHEN not_suicide - homicides_low BETWEEN 1 AND 9 THEN not_suicide - 10 ELSE homicides_low END AS homicides_low,
         CASE WHEN all_intents - not_suicide - suicides_low BETWEEN 1 AND 9 THEN all_intents - not_suicide - 10
              ELSE suicides_low END AS suicides_low,
         CASE WHEN not_suicide - (every_low - suicides_low) BETWEEN 1 AND 9 THEN not_suicide - 10
              ELSE every_low - suicides_low END AS others_low
  FROM known
),
bounds AS (
  SELECT state_fips, year,
         CAST(GREATEST(homicides_low, 0) AS BIGINT) AS homicides_low,
         CAST(homicides_high AS BIGINT) AS homicides_high,
         CAST(GREATEST(suicides_low, 0) AS BIGINT) AS suicides_low,
         CAST(suicides_high AS BIGINT) AS suicides_high,
         CAST(GREATEST(CASE WHEN all_intents - others_low - suicides_low BETWEEN 1 AND 9 THEN all_intents - 10
                            ELSE others_low + suicides_low END, 0) AS BIGINT) AS not_legal_low,
         CAST(every_high AS BIGINT) AS not_legal_high
  FROM lowered
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
       bounds.homicides_low AS homicides_by_firearm_low,
       bounds.homicides_high AS homicides_by_firearm_high,
       bounds.suicides_low AS suicides_by_firearm_low,
       bounds.suicides_high AS suicides_by_firearm_high,
       bounds.not_legal_low AS firearm_not_legal_low,
       bounds.not_legal_high AS firearm_not_legal_high,
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
LEFT JOIN bounds ON bounds.state_fips = opioid.state_fips AND bounds.year = opioid.year
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
