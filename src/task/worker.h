/* SPDX-License-Identifier: BSD-3-Clause */
/* task/worker.h - how the pool makes, keeps and ends workers. */
#ifndef TSR_TASK_WORKER_H
#define TSR_TASK_WORKER_H

#include "task/pool.h"

struct tsr_worker *tsr_worker_new(void); /* NULL: out of memory, text set */

/* Ends the worker's states and frees it with all that follow it in its list. */
void tsr_worker_free_all(struct tsr_worker *w);

/* Workers that nobody uses are kept in a list; the pool guards it. */
void tsr_worker_push(struct tsr_worker **list, struct tsr_worker *w);
struct tsr_worker *tsr_worker_pop(struct tsr_worker **list); /* NULL: empty */

#endif
