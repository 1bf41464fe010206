/* ledger-verify [--key FILE] [--checkpoint FILE]... [--mac-key FILE]... [--witness FILE]...
 * [--need K] [--json] [--dump] [--quiet] DIR
 * ledger-verify --bundle FILE [--key FILE] [--signer FILE] [--json]
 * ledger-verify --prove SEQ DIR
 * ledger-verify --proof FILE --key FILE [--witness FILE]... [--need K] [--json]
 *
 * Exit: 0 everything holds, 1 tampered, 2 incomplete or unreadable (also wrong usage). */
#include <getopt.h>

#include "evidence.h"
#include "witnessed.h"

enum { LINE_MAX_BYTES = 16 * 1024 };

typedef struct front {
    verify_ask_t ask;
    const char *bundle, *signer;
    vwitnessed_t witnessed;
    const char *prove, *proof;
    bool json, dump, quiet;
} front_t;

static void usage(void)
{
    fputs(
        "usage: ledger-verify [--key FILE] [--checkpoint FILE]... [--mac-key FILE]... [--witness "
        "FILE]... [--need K] [--json] [--dump] [--quiet] DIR\n"
        "       ledger-verify --bundle FILE [--key FILE] [--signer FILE] [--json]\n"
        "       ledger-verify --prove SEQ DIR\n"
        "       ledger-verify --proof FILE --key FILE [--witness FILE]... [--need K] [--json]\n"
        "  DIR           var/ledger, or its folder public alone\n"
        "  --key         the log's public key, kept elsewhere (else DIR's own: proves less)\n"
        "  --checkpoint  a checkpoint kept elsewhere: shows a cut tail or a rewritten past\n"
        "  --mac-key     the start key of a chain of MACs, kept offline: each record's is checked\n"
        "  --witness     a policy of witnesses (C2SP tlog-policy), or the key of one; may be given "
        "often\n"
        "  --need        so many of them must have cosigned (else as the policy says, or all)\n"
        "  --dump        print every record\n"
        "  --bundle      evidence of one answer, checked without the ledger\n"
        "  --signer      the public key of who gave the answer, kept elsewhere\n"
        "  --prove SEQ   write a .tlog-proof of one record to standard output\n"
        "  --proof FILE  check such a proof, without a ledger; needs --key\n",
        stderr);
}

static void print_leaf(void *ctx, const vleaf_t *leaf, bool sealed)
{
    const front_t *f = ctx;
    uint8_t mem[LINE_MAX_BYTES];
    buf_t line = BUF_ON_ARRAY(mem);
    vleaf_print(leaf, sealed, f->json, &line);
    fwrite(line.ptr, 1, line.len, stdout);
}

static const char *verdict_name(verdict_t v)
{
    static const char *const NAMES[] = {"ok", "tampered", "incomplete"};
    return NAMES[v];
}

/* Texts of faults name files that others may have named: letters that steer a terminal are cut. */
static void put_safe(const char *text, bool json)
{
    for (; *text; text++) {
        bool plain = *text >= ' ' && *text < 0x7f && !(json && (*text == '"' || *text == '\\'));
        fputc(plain ? *text : '?', stdout);
    }
}

static void print_root(const report_t *r)
{
    for (size_t i = 0; i < sizeof r->root; i++) {
        printf("%02x", r->root[i]);
    }
}

#define LLU(v) ((unsigned long long)(v))

static void print_json(const report_t *r, const vwitnessed_t *w)
{
    printf("{\"verdict\":\"%s\",\"records\":%llu,\"root\":\"", verdict_name(r->verdict),
           LLU(r->size));
    print_root(r);
    printf("\",\"unsealed\":%llu,\"key_given\":%s,\"log_checked\":%s,\"live\":%s,\"remembered_"
           "checkpoints\":%llu,",
           LLU(r->unsealed), r->key_given ? "true" : "false", r->with_log ? "true" : "false",
           r->live ? "true" : "false", LLU(r->remembered));
    printf("\"boots\":%llu,\"starts\":%llu,\"unclean_stops\":%llu,\"gaps\":%llu,\"lost\":%llu,"
           "\"clock_jumps\":%llu,\"unexplained_steps\":%llu,\"first_us\":%lld,\"last_us\":%lld,"
           "\"files_beyond\":%llu,\"restores\":%llu,\"segments\":%llu,\"indexed_segments\":%llu,"
           "\"mac_chains\":%llu,"
           "\"macs_checked\":%llu,\"holds\":%llu,\"minimum_index\":%llu,\"files_below\":%llu,",
           LLU(r->boots), LLU(r->starts), LLU(r->unclean), LLU(r->gaps), LLU(r->lost),
           LLU(r->jumps), LLU(r->unexplained), (long long)r->first_us, (long long)r->last_us,
           LLU(r->files_beyond), LLU(r->restores), LLU(r->segments), LLU(r->indexed),
           LLU(r->mac_chains), LLU(r->macs), LLU(r->holds), LLU(r->minimum), LLU(r->files_below));
    printf("\"removal_days\":%llu,\"removal_policy\":\"", LLU(r->days));
    put_safe(r->policy, true);
    printf("\",");
    vwitnessed_print(w, true);
    printf("\"fault_count\":%llu,\"faults\":[", LLU(r->fault_count));
    for (size_t i = 0; i < r->fault_count && i < FAULTS_KEPT; i++) {
        printf("%s{\"kind\":\"%s\",\"leaf\":%lld,\"text\":\"", i ? "," : "",
               verdict_name(r->faults[i].kind), (long long)r->faults[i].leaf);
        put_safe(r->faults[i].text, true);
        printf("\"}");
    }
    puts("]}");
}

static void print_faults(const report_t *r)
{
    for (size_t i = 0; i < r->fault_count && i < FAULTS_KEPT; i++) {
        const fault_t *f = &r->faults[i];
        printf("%s: ", f->kind == VERDICT_TAMPERED ? "TAMPERED" : "INCOMPLETE");
        if (f->leaf != NO_LEAF) {
            printf("record %lld: ", (long long)f->leaf);
        }
        put_safe(f->text, false);
        putchar('\n');
    }
    if (r->fault_count > FAULTS_KEPT) {
        printf("... and %llu more\n", LLU(r->fault_count - FAULTS_KEPT));
    }
}

static void print_facts(const report_t *r)
{
    printf("%llu records, root ", LLU(r->size));
    print_root(r);
    printf("\n%llu boots, ledgerd started %llu times, %llu times without an orderly stop before\n",
           LLU(r->boots), LLU(r->starts), LLU(r->unclean));
    printf(
        "%llu gaps (%llu records lost), %llu clock jumps recorded, %llu clock steps unexplained\n",
        LLU(r->gaps), LLU(r->lost), LLU(r->jumps), LLU(r->unexplained));
    if (r->unsealed) {
        printf("%llu further records stand in the log and are not sealed yet\n", LLU(r->unsealed));
    }
    if (r->restores) {
        printf("%llu times it went on from a backup, under a new key signed for by the old one\n",
               LLU(r->restores));
    }
    if (r->segments) {
        printf("%llu segments ended; each key signed for the next and is gone\n", LLU(r->segments));
    }
    if (r->indexed) {
        printf("%llu segments have an index, whose roots were found anew\n", LLU(r->indexed));
    }
    if (r->minimum) {
        printf("records 0 to %llu are REMOVED, after %llu days, by the policy: ",
               LLU(r->minimum - 1), LLU(r->days));
        put_safe(r->policy, false);
        puts("\n  their roots and what was kept of them hold; what they said cannot be read here");
    }
    if (r->files_below) {
        printf("%llu files of removed records still lie there\n", LLU(r->files_below));
    }
    if (r->holds) {
        printf("%llu orders to preserve stand: nothing may be removed\n", LLU(r->holds));
    }
    if (r->mac_chains) {
        printf("%llu chains of MACs; %llu MACs recomputed\n", LLU(r->mac_chains), LLU(r->macs));
    }
    if (r->files_beyond) {
        printf("%llu files beyond the checkpoint were ignored\n", LLU(r->files_beyond));
    }
    if (r->live) {
        puts("note: ledgerd is running; what came in meanwhile was not looked at");
    }
    if (!r->key_given) {
        puts("note: the key was taken from the ledger's own folder; --key with a copy kept "
             "elsewhere proves who signed");
    }
    if (r->mac_chains && !r->macs) {
        puts("note: MACs were counted, not recomputed: --mac-key with the key kept offline");
    }
    if (!r->remembered) {
        puts("note: no checkpoint kept elsewhere was given; a cut tail cannot be excluded");
    }
}

static bool take_witness_option(front_t *f, int o)
{
    vwitnessed_t *w = &f->witnessed;
    uint64_t need;
    if (o == 'w') {
        if (w->file_count == VWITNESSES) {
            return false;
        }
        w->files[w->file_count++] = optarg;
    } else if (o == 'n') {
        if (err_failed(slice_parse_u64(slice_cstr_in(optarg), VWITNESSES, &need)) || need == 0) {
            return false;
        }
        w->need = (size_t)need;
    } else if (o == 'p') {
        f->prove = optarg;
    } else if (o == 'f') {
        f->proof = optarg;
    }
    return true;
}

static bool take_options(front_t *f, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"key", required_argument, NULL, 'k'},
                                            {"mac-key", required_argument, NULL, 'm'},
                                            {"bundle", required_argument, NULL, 'b'},
                                            {"signer", required_argument, NULL, 's'},
                                            {"checkpoint", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"dump", no_argument, NULL, 'd'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"witness", required_argument, NULL, 'w'},
                                            {"need", required_argument, NULL, 'n'},
                                            {"prove", required_argument, NULL, 'p'},
                                            {"proof", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        f->json = f->json || o == 'j';
        f->dump = f->dump || o == 'd';
        f->quiet = f->quiet || o == 'q';
        if (o == 'b') {
            f->bundle = optarg;
        } else if (o == 's') {
            f->signer = optarg;
        } else if (o == 'k') {
            f->ask.key_file = optarg;
        } else if (o == 'c' && f->ask.remembered_count < REMEMBERED_MAX) {
            f->ask.remembered[f->ask.remembered_count++] = optarg;
        } else if (o == 'm' && f->ask.mac_key_count < VMAC_KEYS) {
            f->ask.mac_key_files[f->ask.mac_key_count++] = optarg;
        } else if (o == '?' || o == 'c' || o == 'm' || !take_witness_option(f, o)) {
            return false;
        }
    }
    f->ask.dir = optind + 1 == argc ? argv[optind] : NULL;
    bool alone = (f->bundle || f->proof) && optind == argc;
    return (f->ask.dir != NULL || alone) && !!f->bundle + !!f->prove + !!f->proof <= 1;
}

static int check_bundle(const front_t *f)
{
    static vevidence_report_t r;
    vevidence_check(f->bundle, f->ask.key_file, f->signer, &r);
    if (f->json) {
        printf("{\"verdict\":\"%s\",\"fault\":\"", verdict_name(r.verdict));
        put_safe(r.text, true);
        printf("\",\"records_shown\":%zu,\"questions\":%zu,\"log_records\":%llu,\"certain\":%zu,"
               "\"possible\":%zu,\"inferable\":%zu,\"removed_below\":%llu,\"key_given\":%s,"
               "\"signer\":\"%s\",\"signer_given\":%s,\"key\":\"",
               r.records, r.asks, LLU(r.size), r.certain, r.possible, r.inferable, LLU(r.first),
               r.key_given ? "true" : "false", r.signer, r.signer_given ? "true" : "false");
        put_safe(r.key, true);
        puts("\"}");
        return (int)r.verdict;
    }
    if (r.text[0]) {
        printf("%s: ", r.verdict == VERDICT_TAMPERED ? "TAMPERED" : "INCOMPLETE");
        put_safe(r.text, false);
        putchar('\n');
    } else {
        printf("%zu records shown of a log of %llu, each proved; %zu questions, each answer "
               "complete\n",
               r.records, LLU(r.size), r.asks);
        printf("%zu certain, %zu possible, %zu inferable\nlog key ", r.certain, r.possible,
               r.inferable);
        put_safe(r.key, false);
        printf("\nsigned by %s\n", r.signer);
        if (r.first) {
            printf("records below %llu were removed before; nothing is said of them\n",
                   LLU(r.first));
        }
        if (!r.key_given || !r.signer_given) {
            puts("note: --key and --signer with copies kept elsewhere prove whose log and whose "
                 "answer it is");
        }
    }
    puts(r.verdict == VERDICT_OK         ? "OK"
         : r.verdict == VERDICT_TAMPERED ? "TAMPERED"
                                         : "INCOMPLETE");
    return (int)r.verdict;
}

int main(int argc, char **argv)
{
    static report_t report;
    static front_t f;
    if (!take_options(&f, argc, argv)) {
        usage();
        return VERDICT_INCOMPLETE;
    }
    if (f.bundle) {
        int code = check_bundle(&f);
        return fflush(stdout) == 0 ? code : VERDICT_INCOMPLETE;
    }
    if (f.dump) {
        f.ask.each = print_leaf;
        f.ask.ctx = &f;
    }
    if (f.proof) {
        return vtlog_verify(f.proof, f.ask.key_file, &f.witnessed, f.json);
    }
    if (f.prove) {
        return vtlog_print(f.ask.dir, f.prove);
    }
    if (!vwitnessed_begin(&f.witnessed, &f.ask)) {
        return VERDICT_INCOMPLETE;
    }
    verify_run(&f.ask, &report);
    vwitnessed_end(&f.witnessed, &f.ask, &report);
    if (f.json) {
        print_json(&report, &f.witnessed);
    } else {
        print_faults(&report);
        if (!f.quiet) {
            print_facts(&report);
            vwitnessed_print(&f.witnessed, false);
        }
        puts(report.verdict == VERDICT_OK         ? "OK"
             : report.verdict == VERDICT_TAMPERED ? "TAMPERED"
                                                  : "INCOMPLETE");
    }
    return fflush(stdout) == 0 ? (int)report.verdict : VERDICT_INCOMPLETE;
}
