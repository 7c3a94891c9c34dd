-- Figures that the FBI published twice, side by side.
WITH reported AS (
  SELECT 'fbi_homicide_weapons_state' AS source, release, year, weapon_class, weapon, murder_victims
  FROM history.fbi_homicide_weapons_state
  UNION ALL
  SELECT 'fbi_homicide_weapons_us', release, year, weapon_class, weapon, murder_victims
  FROM history.fbi_homicide_weapons_us
),
victims AS (
  SELECT source, release, year, 'murder victims, any weapon' AS comparison,
         CAST(SUM(murder_victims) AS BIGINT) AS victims
  FROM reported
  GROUP BY source, release, year
  UNION ALL
  SELECT source, release, year, 'murder victims, firearm', CAST(SUM(murder_victims) AS BIGINT)
  FROM reported
  WHERE weapon_class = 'firearm'
  GROUP BY source, release, year
  UNION ALL
  -- The weapons that both tables name.
  SELECT source, release, year, 'murder victims, ' || weapon, CAST(SUM(murder_victims) AS BIGINT)
  FROM reported
  WHERE weapon IN ('handgun', 'rifle', 'shotgun', 'knife', 'personal')
  GROUP BY source, release, year, weapon
)
SELECT 'murders, national' AS comparison,
       estimated.year AS year,
       'fbi_estimated_offenses_state_totals' AS source_a,
       estimated.release AS release_a,
       estimated.murder AS figure_a,
       'fbi_crime_us' AS source_b,
       nation.release AS release_b,
       nation.murder AS figure_b,
       estimated.murder - nation.murder AS difference,
       false AS should_agree
FROM history.fbi_estimated_offenses_state_totals AS estimated
JOIN history.fbi_crime_us AS nation ON nation.year = estimated.year
UNION ALL
SELECT state.comparison,
       state.year,
       state.source,
       state.release,
       state.victims,
       us.source,
       us.release,
       us.victims,
       state.victims - us.victims,
       true
FROM victims AS state
JOIN victims AS us
  ON us.comparison = state.comparison AND us.release = state.release AND us.year = state.year
WHERE state.source = 'fbi_homicide_weapons_state' AND us.source = 'fbi_homicide_weapons_us'
