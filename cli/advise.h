/* SPDX-License-Identifier: BSD-3-Clause */
/* advise.h - what tessera advise was asked, and what it found, on its way to paper. */
#ifndef TESSERA_CLI_ADVISE_H
#define TESSERA_CLI_ADVISE_H

#include "cli.h"

struct advise_access {
    char *text; /* as it was given, without the weight */
    struct cli_selection sel;
    double weight;
};

struct advise {
    tsr_advise_spec spec;
    tsr_spec array;
    int64_t shape[TSR_MAX_NDIM], chunks[TSR_MAX_NDIM], blocks[TSR_MAX_NDIM];
    struct advise_access *access; /* [spec.naccess] */
    tsr_access *asked;            /* the same for the library */
    tsr_advice *advice;
    tsr_read_cost *measured; /* [spec.naccess], NULL: not asked for */
};

void advise_print(const struct advise *q);
void advise_print_json(const struct advise *q);

#endif
