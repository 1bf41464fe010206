/* Status of a departure: name, number, code for the page (colour), message, bookable online?,
 * 募集中 and so on. (X-macro: no include guard.) */
STATUS_ROW(OPEN, 1, "open", DEPT_OPEN, true, "募集中（催行決定待ち）")
STATUS_ROW(NEAR, 2, "near", DEPT_NEAR, true, "催行間近")
STATUS_ROW(RUN, 3, "run", DEPT_RUN, true, "催行決定")
STATUS_ROW(WAIT, 4, "wait", DEPT_WAIT, false, "キャンセル待ち")
STATUS_ROW(FULL, 5, "full", DEPT_FULL, false, "満席")
STATUS_ROW(CLOSED, 6, "closed", DEPT_CLOSED, false, "受付終了")
STATUS_ROW(ASK, 7, "ask", DEPT_ASK, false, "お問い合わせ")
STATUS_ROW(STOPPED, 8, "stopped", DEPT_STOPPED, false, "催行中止")
