/* The standard table: 標準旅行業約款 募集型企画旅行契約の部 別表第一 (取消料, article 16 (1)), dated. The terms say
 * "within": the house charges these rates and never more. Checked against published copies of the terms;
 * where the terms are silent (fractions of a yen), fees are cut in the customer's favour.
 * (X-macro: no include guard.) */
#ifdef FEE_STANDARD
/* FEE_STANDARD(product, part of the table, item, contract date from, to, checked on). A product without a
 * row has no standard table: chartered ship (its own rules), tickets (no package tour). */
FEE_STANDARD(FEE_DOMESTIC, 1, 1, "2005-04-01", "9999-12-31", "2026-11-27")
FEE_STANDARD(FEE_OVERSEAS_AIR, 2, 1, "2005-04-01", "9999-12-31", "2026-11-27")
FEE_STANDARD(FEE_OVERSEAS_CHARTER_AIR, 2, 2, "2005-04-01", "9999-12-31", "2026-11-27")
#endif
#ifdef FEE_ROW
#ifdef FEE_PLANT_DAY /* negative control: off by one day, the comparison must see it */
#define FEE_D7_FROM 8
#else
#define FEE_D7_FROM 7
#endif
/* FEE_ROW(id, product, letter in the terms, from day, from day of a day trip, to day, after the start too,
 * peak season only, percent). Day 1 is the day before departure, 0 the day itself before the start. A row
 * whose from day is FEE_NO_DAY covers only what comes after the start, and absence without notice. */
FEE_ROW("D1.i", FEE_DOMESTIC, "イ", 20, 10, FEE_D7_FROM + 1, false, false, 20)
FEE_ROW("D1.ro", FEE_DOMESTIC, "ロ", FEE_D7_FROM, FEE_D7_FROM, 2, false, false, 30)
FEE_ROW("D1.ha", FEE_DOMESTIC, "ハ", 1, 1, 1, false, false, 40)
FEE_ROW("D1.ni", FEE_DOMESTIC, "ニ", 0, 0, 0, false, false, 50)
FEE_ROW("D1.ho", FEE_DOMESTIC, "ホ", FEE_NO_DAY, FEE_NO_DAY, FEE_NO_DAY, true, false, 100)
FEE_ROW("O1.i", FEE_OVERSEAS_AIR, "イ", 40, 40, 31, false, true, 10)
FEE_ROW("O1.ro", FEE_OVERSEAS_AIR, "ロ", 30, 30, 3, false, false, 20)
FEE_ROW("O1.ha", FEE_OVERSEAS_AIR, "ハ", 2, 2, 0, false, false, 50)
FEE_ROW("O1.ni", FEE_OVERSEAS_AIR, "ニ", FEE_NO_DAY, FEE_NO_DAY, FEE_NO_DAY, true, false, 100)
FEE_ROW("O2.i", FEE_OVERSEAS_CHARTER_AIR, "イ", 90, 90, 31, false, false, 20)
FEE_ROW("O2.ro", FEE_OVERSEAS_CHARTER_AIR, "ロ", 30, 30, 21, false, false, 50)
FEE_ROW("O2.ha", FEE_OVERSEAS_CHARTER_AIR, "ハ", 20, 20, 4, false, false, 80)
FEE_ROW("O2.ni", FEE_OVERSEAS_CHARTER_AIR, "ニ", 3, 3, 0, true, false, 100)
#endif
#ifdef FEE_PEAK
/* Peak season (ピーク時, note to part 2): the departure lies from month, day to month, day, both included. */
FEE_PEAK(12, 20, 1, 7)
FEE_PEAK(4, 27, 5, 6)
FEE_PEAK(7, 20, 8, 31)
#endif
#ifdef FEE_ROUNDING
/* What is added before the cut to whole yen, in hundredths: 0 = cut. */
#ifdef FEE_PLANT_ROUNDING /* negative control: half up */
FEE_ROUNDING(50)
#else
FEE_ROUNDING(0)
#endif
#endif
