/* multipart/form-data (RFC 7578, RFC 2046 5.1) over a complete body: the house's only decoder.
 * Strict, because two readers that disagree are a hole: CRLF only; no preamble; nothing but an
 * optional CRLF after the end; a delimiter may not appear as the beginning of other text
 * nor behind a bare LF; no folded
 * headers; name and filename quoted, without backslash; no filename*; a Content-Transfer-Encoding
 * other than 7bit, 8bit, binary is refused; parameters and headers may not repeat. */
#ifndef TEXT_MULTIPART_H
#define TEXT_MULTIPART_H

#include "base/slice.h"

enum { MULTIPART_MAX_BOUNDARY = 70, MULTIPART_MAX_HEADERS_BYTES = 4096 };

/* All slices borrow from the body. Names are as sent: browsers write '"', CR, LF in them as %22,
 * %0D, %0A and nothing else, and nothing is decoded here. */
typedef struct multipart_part {
    slice_t name;
    slice_t filename; /* empty without one; see has_filename */
    slice_t content_type;
    slice_t headers; /* all header lines of the part, raw */
    slice_t value;
    bool has_filename;
} multipart_part_t;

/* What the lenient reader met that the strict one refuses, and what ModSecurity has names for. */
enum {
    MULTIPART_ODD_SYNTAX = 1 << 0,       /* anything without a bit of its own */
    MULTIPART_ODD_QUOTED = 1 << 1,       /* the boundary stood in quotes */
    MULTIPART_ODD_SPACE = 1 << 2,        /* white space about the boundary parameter's '=' */
    MULTIPART_ODD_NO_SEMICOLON = 1 << 3, /* none before the boundary parameter */
    MULTIPART_ODD_BEFORE = 1 << 4,       /* bytes before the first delimiter */
    MULTIPART_ODD_AFTER = 1 << 5,        /* bytes behind the last one */
    MULTIPART_ODD_FOLDING = 1 << 6,      /* a header goes on in the next line */
    MULTIPART_ODD_FOLDING_BYTE = 1 << 7, /* behind other white space than space and tab */
    MULTIPART_ODD_LF = 1 << 8,           /* a line that ends in LF alone */
    MULTIPART_ODD_CRLF = 1 << 9,         /* a line that ends as it should: no fault by itself */
    MULTIPART_ODD_QUOTING = 1 << 10, /* apostrophes for quotes, or bytes behind a closing quote */
    MULTIPART_ODD_PART = 1 << 11,    /* a part without a name */
};

typedef struct multipart {
    slice_t rest, boundary;
    size_t parts, max_parts;
    bool done;
    /* of the lenient reader */
    bool lenient;
    unsigned odd; /* MULTIPART_ODD_*, gathered as reading goes on */
    /* ModSecurity's MULTIPART_UNMATCHED_BOUNDARY: 0; 1 when something like a delimiter was none; 2
     * when a true one (not the first) came last. */
    unsigned unmatched;
    size_t delimiters;
} multipart_t;

/* The boundary of a Content-Type value, SYNTAX unless it is multipart/form-data with exactly one
 * boundary parameter of 1 to 70 allowed characters. */
err_t multipart_boundary(slice_t content_type, slice_t *ret_boundary);
/* SYNTAX when the body does not begin with the first delimiter line. */
err_t multipart_open(slice_t body, slice_t boundary, size_t max_parts, multipart_t *ret_m);
bool multipart_more(const multipart_t *m);
/* LIMIT past max_parts or with headers too long; SYNTAX. After an error the reader is used up. */
err_t multipart_next(multipart_t *m, multipart_part_t *ret_part);

/* The same for a guard, which must look at what it then refuses: nothing but LIMIT (parts) is an
 * error, what a forgiving origin would see is given, and what is wrong stands in `odd`. Of a body
 * that the strict reader takes it gives the same parts, with no bit but MULTIPART_ODD_CRLF
 * (and MULTIPART_ODD_SYNTAX for a line of text like a delimiter). Bytes
 * behind the last delimiter are searched for further parts. Names and filenames are as sent, with
 * their backslashes. */
/* SYNTAX only when no boundary can be made out. ret_odd: MULTIPART_ODD_*, set in either case. */
err_t multipart_boundary_lenient(slice_t content_type, slice_t *ret_boundary, unsigned *ret_odd);
void multipart_open_lenient(slice_t body, slice_t boundary, size_t max_parts, multipart_t *ret_m);
/* Cuts one header (with the lines that it goes on in, without its last line end) off a part's
 * headers; false at their end. */
bool multipart_header(slice_t *headers, slice_t *ret_header);

#endif
