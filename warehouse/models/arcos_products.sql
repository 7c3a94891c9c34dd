-- Each product as the transactions of any release describe it, once; the key is the content.
SELECT
  MD5(CONCAT(
    COALESCE(ndc, ''), CHR(31),
    COALESCE(drug_code, ''), CHR(31),
    COALESCE(drug_code_printed, ''), CHR(31),
    COALESCE(drug_name, ''), CHR(31),
    COALESCE(product_name, ''), CHR(31),
    COALESCE(ingredient_name, ''), CHR(31),
    COALESCE(measure, ''), CHR(31),
    COALESCE(CAST(strength_mg AS VARCHAR), ''), CHR(31),
    COALESCE(CAST(mme_factor AS VARCHAR), ''), CHR(31),
    COALESCE(mme_factor_edition, ''), CHR(31),
    COALESCE(labeler_name, ''), CHR(31),
    COALESCE(revised_company_name, '')
  )) AS product_key,
  ndc,
  drug_code,
  drug_code_printed,
  drug_name,
  product_name,
  ingredient_name,
  measure,
  strength_mg,
  mme_factor,
  mme_factor_edition,
  labeler_name,
  revised_company_name
FROM (
  SELECT DISTINCT
    ndc,
    drug_code,
    drug_code_printed,
    drug_name,
    product_name,
    ingredient_name,
    measure,
    strength_mg,
    mme_factor,
    mme_factor_edition,
    labeler_name,
    revised_company_name
  FROM history.arcos_transactions
) AS described
