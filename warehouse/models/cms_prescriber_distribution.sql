-- Claims for an opioid by prescriber, without telling one from another: figures with how many have them, for the method
-- distribution. An opioid is told by its ingredient, in whatever words its year has.
SELECT
  prescriber_state,
  COALESCE(prescriber_type, 'not told') AS prescriber_type,
  brand_name,
  generic_name,
  year,
  claims,
  COUNT(*) AS persons
FROM cms_partd_prescriber_drug
WHERE npi IS NULL
  AND claims IS NOT NULL
  AND prescriber_state IS NOT NULL
  AND brand_name IS NOT NULL
  AND UPPER(generic_name) NOT LIKE '%APOMORPHINE%'
  AND (
    UPPER(generic_name) LIKE '%BUPRENORPHINE%'
    OR UPPER(generic_name) LIKE '%BUTORPHANOL%'
    OR UPPER(generic_name) LIKE '%CODEINE%'
    OR UPPER(generic_name) LIKE '%FENTANYL%'
    OR UPPER(generic_name) LIKE '%HYDROCODONE%'
    OR UPPER(generic_name) LIKE '%HYDROMORPHONE%'
    OR UPPER(generic_name) LIKE '%LEVORPHANOL%'
    OR UPPER(generic_name) LIKE '%MEPERIDINE%'
    OR UPPER(generic_name) LIKE '%METHADONE%'
    OR UPPER(generic_name) LIKE '%MORPHINE%'
    OR UPPER(generic_name) LIKE '%NALBUPHINE%'
    OR UPPER(generic_name) LIKE '%OXYCODONE%'
    OR UPPER(generic_name) LIKE '%OXYMORPHONE%'
    OR UPPER(generic_name) LIKE '%PENTAZOCINE%'
    OR UPPER(generic_name) LIKE '%TAPENTADOL%'
    OR UPPER(generic_name) LIKE '%TRAMADOL%'
    -- Not in tiotropium.
    OR UPPER(generic_name) LIKE 'OPIUM%'
    OR UPPER(generic_name) LIKE '%/OPIUM%'
  )
GROUP BY prescriber_state, COALESCE(prescriber_type, 'not told'), brand_name, generic_name, year, claims
