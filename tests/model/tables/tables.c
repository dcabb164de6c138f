/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Run all packet tables with each mutant given as "table,event,state,value", one a line; tell for
 * each "killed MUTANT TEST" or "open MUTANT". Without a mutant "0,0,0,0" nothing is changed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TESTS_MAX 512U

static struct {
    const char *name;
    void (*run)(void);
} tests[TESTS_MAX];
static unsigned int test_count;

void tables_add(const char *name, void (*run)(void))
{
    if (test_count == TESTS_MAX)
        abort();
    tests[test_count].name = name;
    tests[test_count++].run = run;
}

/* In a process of its own, which also survives what a wrong table may lead to. */
static int run_all(const char *mutant, volatile unsigned int *at)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        if (setenv("WEIR_MUTANT", mutant, 1) < 0)
            _exit(EXIT_FAILURE);
        for (*at = 0; *at < test_count; ++*at)
            tests[*at].run();
        _exit(EXIT_SUCCESS);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    return status;
}

int main(void)
{
    char mutant[64];
    volatile unsigned int *at =
        mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return EXIT_FAILURE;
    while (scanf("%63s", mutant) == 1) {
        int status = run_all(mutant, at);

        if (status < 0)
            return EXIT_FAILURE;
        if (status)
            printf("killed %s %s\n", mutant, tests[*at].name);
        else
            printf("open %s\n", mutant);
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
