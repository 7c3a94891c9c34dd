-- Each distributor or manufacturer as the transactions of any release describe it, once; the key is the content.
SELECT
  MD5(CONCAT(
    COALESCE(reporter_dea_number, ''), CHR(31),
    COALESCE(reporter_business_activity, ''), CHR(31),
    COALESCE(reporter_name, ''), CHR(31),
    COALESCE(reporter_additional_info, ''), CHR(31),
    COALESCE(reporter_address1, ''), CHR(31),
    COALESCE(reporter_address2, ''), CHR(31),
    COALESCE(reporter_city, ''), CHR(31),
    COALESCE(reporter_state, ''), CHR(31),
    COALESCE(reporter_zip, ''), CHR(31),
    COALESCE(reporter_county, ''), CHR(31),
    COALESCE(reporter_family, '')
  )) AS reporter_key,
  reporter_dea_number,
  reporter_business_activity,
  reporter_name,
  reporter_additional_info,
  reporter_address1,
  reporter_address2,
  reporter_city,
  reporter_state,
  reporter_zip,
  reporter_county,
  reporter_family
FROM (
  SELECT DISTINCT
    reporter_dea_number,
    reporter_business_activity,
    reporter_name,
    reporter_additional_info,
    reporter_address1,
    reporter_address2,
    reporter_city,
    reporter_state,
    reporter_zip,
    reporter_county,
    reporter_family
  FROM history.arcos_transactions
) AS described
