/* Replays a kept corpus as a unit test: linked with one fuzz_x.c, feeds its LLVMFuzzerTestOneInput
 * every file of the folders given, and nothing at all once. A finding is a crash, as under
 * libFuzzer. */
#include <dirent.h>
#include <sys/stat.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_MAX_BYTES = 4 * 1024 * 1024 };

static bool replay_file(const char *folder, const char *name)
{
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(len > 0 && (size_t)len < sizeof path);
    struct stat st;
    CHECK(stat(path, &st) == 0);
    if (!S_ISREG(st.st_mode)) {
        return false;
    }
    CHECK(st.st_size >= 0 && st.st_size <= REPLAY_MAX_BYTES);
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size ? size : 1); /* exactly as long, so that ASan sees one byte more */
    FILE *in = fopen(path, "rb");
    CHECK(data && in && fread(data, 1, size, in) == size);
    fclose(in);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return true;
}

static size_t replay_folder(const char *folder)
{
    size_t files = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        fprintf(stderr, "%s: cannot be opened\n", folder);
        exit(1);
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        files += entry->d_name[0] != '.' && replay_file(folder, entry->d_name);
    }
    closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    static const uint8_t NOTHING[1];
    (void)LLVMFuzzerTestOneInput(NOTHING, 0);
    for (int i = 1; i < argc; i++) {
        size_t files = replay_folder(argv[i]);
        printf("%s: %zu files replayed\n", argv[i], files);
        if (files == 0) {
            return 1;
        }
    }
    return 0;
}
