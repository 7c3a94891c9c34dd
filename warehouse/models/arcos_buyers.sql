-- Each buyer as the transactions of any release describe it, once; the key is the content.
SELECT
  MD5(CONCAT(
    COALESCE(buyer_dea_number, ''), CHR(31),
    COALESCE(business_activity, ''), CHR(31),
    COALESCE(CAST(mail_or_hospital AS VARCHAR), ''), CHR(31),
    COALESCE(buyer_name, ''), CHR(31),
    COALESCE(buyer_additional_info, ''), CHR(31),
    COALESCE(buyer_address1, ''), CHR(31),
    COALESCE(buyer_address2, ''), CHR(31),
    COALESCE(buyer_city, ''), CHR(31),
    COALESCE(buyer_state, ''), CHR(31),
    COALESCE(buyer_zip, ''), CHR(31),
    COALESCE(buyer_county, ''), CHR(31),
    COALESCE(buyer_county_fips, '')
  )) AS buyer_key,
  buyer_dea_number,
  business_activity,
  mail_or_hospital,
  buyer_name,
  buyer_additional_info,
  buyer_address1,
  buyer_address2,
  buyer_city,
  buyer_state,
  buyer_zip,
  buyer_county,
  buyer_county_fips
FROM (
  SELECT DISTINCT
    buyer_dea_number,
    business_activity,
    mail_or_hospital,
    buyer_name,
    buyer_additional_info,
    buyer_address1,
    buyer_address2,
    buyer_city,
    buyer_state,
    buyer_zip,
    buyer_county,
    buyer_county_fips
  FROM history.arcos_transactions
) AS described
