/* Cancellation fees of package tours in Japan, counted back from the departure day (標準旅行業約款
 * 募集型企画旅行契約の部 別表第一, 国内旅行; "within": the house charges these rates). name, days
 * before departure on which the tier begins (inclusive) and ends, same for day trips, rate in
 * percent. -1 = after the departure. Day trips begin at day 10. (X-macro: no include guard.) */
FEE_ROW(FEE_FREE, 1000, 21, 1000, 11, 0)
FEE_ROW(FEE_D20, 20, 8, 10, 8, 20)
FEE_ROW(FEE_D7, 7, 2, 7, 2, 30)
FEE_ROW(FEE_EVE, 1, 1, 1, 1, 40)
FEE_ROW(FEE_SAME_DAY, 0, 0, 0, 0, 50)
FEE_ROW(FEE_AFTER_START, -1, -1, -1, -1, 100)
