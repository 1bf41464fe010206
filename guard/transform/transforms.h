/* All transformations: id, name as the manual writes it, alias ("" = none), function, classes.
 * `changes` is a set of classes of which one must occur for the function to change anything;
 * CHANGES_ALWAYS: may change any value, the empty one too. Append; the order is no contract.
 * (X-macro: no include guard.) */
TRANSFORM(NONE, "none", "", none, 0)
TRANSFORM(LOWERCASE, "lowercase", "", lowercase, TRANSFORM_UPPER)
TRANSFORM(UPPERCASE, "uppercase", "", uppercase, TRANSFORM_LOWER)
TRANSFORM(URL_DECODE, "urlDecode", "", url_decode, TRANSFORM_PERCENT | TRANSFORM_PLUS)
TRANSFORM(URL_DECODE_UNI, "urlDecodeUni", "", url_decode_uni, TRANSFORM_PERCENT | TRANSFORM_PLUS)
TRANSFORM(URL_ENCODE, "urlEncode", "", url_encode,
          ~(0U | TRANSFORM_UPPER | TRANSFORM_LOWER | TRANSFORM_DIGIT | TRANSFORM_EX |
            TRANSFORM_STAR))
TRANSFORM(HTML_ENTITY_DECODE, "htmlEntityDecode", "", html_entity_decode, TRANSFORM_AMP)
TRANSFORM(UTF8_TO_UNICODE, "utf8toUnicode", "", utf8_to_unicode, TRANSFORM_HIGH | TRANSFORM_NUL)
TRANSFORM(JS_DECODE, "jsDecode", "", js_decode, TRANSFORM_BACKSLASH)
TRANSFORM(CSS_DECODE, "cssDecode", "", css_decode, TRANSFORM_BACKSLASH)
TRANSFORM(CMD_LINE, "cmdLine", "", cmd_line,
          TRANSFORM_UPPER | TRANSFORM_SPACE | TRANSFORM_BLANK | TRANSFORM_BACKSLASH |
              TRANSFORM_QUOTE | TRANSFORM_CARET | TRANSFORM_COMMA | TRANSFORM_SEMICOLON)
TRANSFORM(REMOVE_NULLS, "removeNulls", "", remove_nulls, TRANSFORM_NUL)
TRANSFORM(REPLACE_NULLS, "replaceNulls", "", replace_nulls, TRANSFORM_NUL)
TRANSFORM(REMOVE_WHITESPACE, "removeWhitespace", "", remove_whitespace,
          TRANSFORM_SPACE | TRANSFORM_BLANK | TRANSFORM_NBSP)
TRANSFORM(COMPRESS_WHITESPACE, "compressWhitespace", "", compress_whitespace,
          TRANSFORM_SPACE | TRANSFORM_BLANK)
TRANSFORM(REMOVE_COMMENTS, "removeComments", "", remove_comments,
          TRANSFORM_STAR | TRANSFORM_DASH | TRANSFORM_HASH)
TRANSFORM(REPLACE_COMMENTS, "replaceComments", "", replace_comments, TRANSFORM_STAR)
TRANSFORM(REMOVE_COMMENTS_CHAR, "removeCommentsChar", "", remove_comments_char,
          TRANSFORM_STAR | TRANSFORM_DASH | TRANSFORM_HASH)
TRANSFORM(NORMALIZE_PATH, "normalizePath", "normalisePath", normalize_path,
          TRANSFORM_SLASH | TRANSFORM_DOT)
TRANSFORM(NORMALIZE_PATH_WIN, "normalizePathWin", "normalisePathWin", normalize_path_win,
          TRANSFORM_SLASH | TRANSFORM_DOT | TRANSFORM_BACKSLASH)
TRANSFORM(BASE64_DECODE, "base64Decode", "", base64_decode, CHANGES_ALWAYS)
TRANSFORM(BASE64_DECODE_EXT, "base64DecodeExt", "", base64_decode_ext, CHANGES_ALWAYS)
TRANSFORM(BASE64_ENCODE, "base64Encode", "", base64_encode, CHANGES_ALWAYS)
TRANSFORM(LENGTH, "length", "", length, CHANGES_ALWAYS)
TRANSFORM(MD5, "md5", "", md5, CHANGES_ALWAYS)
TRANSFORM(SHA1, "sha1", "", sha1, CHANGES_ALWAYS)
TRANSFORM(HEX_ENCODE, "hexEncode", "", hex_encode, CHANGES_ALWAYS)
TRANSFORM(HEX_DECODE, "hexDecode", "", hex_decode, CHANGES_ALWAYS)
TRANSFORM(SQL_HEX_DECODE, "sqlHexDecode", "", sql_hex_decode, TRANSFORM_EX)
TRANSFORM(ESCAPE_SEQ_DECODE, "escapeSeqDecode", "", escape_seq_decode, TRANSFORM_BACKSLASH)
TRANSFORM(TRIM, "trim", "", trim, TRANSFORM_SPACE | TRANSFORM_BLANK)
TRANSFORM(TRIM_LEFT, "trimLeft", "", trim_left, TRANSFORM_SPACE | TRANSFORM_BLANK)
TRANSFORM(TRIM_RIGHT, "trimRight", "", trim_right, TRANSFORM_SPACE | TRANSFORM_BLANK)
TRANSFORM(PARITY_EVEN_7BIT, "parityEven7bit", "", parity_even, CHANGES_ALWAYS)
TRANSFORM(PARITY_ODD_7BIT, "parityOdd7bit", "", parity_odd, CHANGES_ALWAYS)
TRANSFORM(PARITY_ZERO_7BIT, "parityZero7bit", "", parity_zero, TRANSFORM_HIGH)
