/* Words of cmdi.c: commands of Unix, cmd.exe and PowerShell; functions that run programs. */
#ifndef GUARD_DETECT_CMDI_WORDS_H
#define GUARD_DETECT_CMDI_WORDS_H

#include "bytes.h"

enum {
    CMDI_HARD = 1,     /* no prose has it */
    CMDI_SOFT = 2,     /* a word of English or a name as well: needs something shell-like around */
    CMDI_LANGUAGE = 4, /* lists of skills and of things name it, and alone it does nothing */
    CMDI_ALONE = 8,    /* tells or does something without an argument */
    CMDI_NETWORK = 16, /* takes the name of a host */
    CMDI_TERSE = 32    /* alone, and no word that people write by itself */
};

/* Flags of a name in lower case; 0: no command. */
unsigned cmdi_word(slice_t name);
/* system, exec, ...: in lower case. */
bool cmdi_starter(slice_t name);

#endif
