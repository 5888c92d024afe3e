/* SPDX-License-Identifier: BSD-3-Clause */
/* array/meta.c - attributes and metalayers, handed to the format. */
#include "array/array.h"
#include "base/mem.h"

/* The metalayer calls of an array's format; NULL with the text set where it has none. */
static const struct tsr_format_meta *metas_of(const struct tsr_array *a)
{
    if (!a->d->format->meta)
        tsr_fail(TSR_EUNSUPPORTED, "format %s: has no metalayers", a->d->format->name);
    return a->d->format->meta;
}

int tsr_array_meta_count(const tsr_array *a, tsr_meta_kind kind)
{
    return a->d->format->meta ? a->d->format->meta->count(a->d, kind) : 0;
}

const char *tsr_array_meta_name(const tsr_array *a, tsr_meta_kind kind, int i)
{
    return a->d->format->meta ? a->d->format->meta->name(a->d, kind, i) : NULL;
}

int tsr_array_meta_get(const tsr_array *a, tsr_meta_kind kind, const char *name, void **buf,
                       size_t *len)
{
    const struct tsr_format_meta *m = metas_of(a);
    return m ? m->get(a->d, kind, name, buf, len) : TSR_EUNSUPPORTED;
}

int tsr_array_meta_set(tsr_array *a, tsr_meta_kind kind, const char *name, const void *buf,
                       size_t len)
{
    const struct tsr_format_meta *m = metas_of(a);
    bool anew;
    int rc = m ? tsr_engine_begin(a, &anew) : TSR_EUNSUPPORTED;
    return rc < 0 ? rc : m->set(a->d, kind, name, buf, len);
}

int tsr_array_meta_remove(tsr_array *a, const char *name)
{
    const struct tsr_format_meta *m = metas_of(a);
    bool anew;
    int rc = m ? tsr_engine_begin(a, &anew) : TSR_EUNSUPPORTED;
    return rc < 0 ? rc : m->remove(a->d, name);
}

static int no_attrs(const tsr_array *a)
{
    return tsr_fail(TSR_EUNSUPPORTED, "format %s: has no attributes", a->d->format->name);
}

int tsr_array_attrs(const tsr_array *a, char **json)
{
    if (a->d->format->attrs) return a->d->format->attrs(a->d, json);
    return (*json = tsr_strdup("{}")) ? TSR_OK : TSR_ENOMEM;
}

int tsr_array_attr_set(tsr_array *a, const char *name, const char *json)
{
    bool anew;
    if (!name || !json) return tsr_fail(TSR_EARG, "an attribute has a name and a value");
    int rc = a->d->format->attr_set ? tsr_engine_begin_documents(a, &anew) : no_attrs(a);
    return rc < 0 ? rc : a->d->format->attr_set(a->d, name, json);
}

int tsr_array_attr_remove(tsr_array *a, const char *name)
{
    bool anew;
    if (!name) return tsr_fail(TSR_EARG, "an attribute has a name");
    int rc = a->d->format->attr_remove ? tsr_engine_begin_documents(a, &anew) : no_attrs(a);
    return rc < 0 ? rc : a->d->format->attr_remove(a->d, name);
}

/* ---- copies ---- */

int tsr_metas_take(const tsr_array *from, tsr_meta_value **metas, int *n)
{
    int count = tsr_array_meta_count(from, TSR_META), rc = TSR_OK;
    tsr_meta_value *v = tsr_alloc_zero((size_t)count + 1, sizeof *v);
    *n = 0;
    if (!(*metas = v)) return TSR_ENOMEM;
    for (int i = 0; i < count && rc == TSR_OK; i++) {
        const char *name = tsr_array_meta_name(from, TSR_META, i);
        void *buf;
        if (strcmp(name, "b2nd") == 0 || strcmp(name, "caterva") == 0) continue;
        rc = tsr_array_meta_get(from, TSR_META, name, &buf, &v[*n].len);
        if (rc < 0) break;
        v[*n].name = name;
        v[(*n)++].p = buf;
    }
    return rc;
}

void tsr_metas_free(tsr_meta_value *v, int n)
{
    for (int i = 0; i < n; i++) tsr_free((void *)(uintptr_t)v[i].p);
    tsr_free(v);
}

int tsr_vlmetas_copy(const tsr_array *from, tsr_array *to)
{
    int n = tsr_array_meta_count(from, TSR_VLMETA), rc = TSR_OK;
    if (!to->d->format->meta) return TSR_OK;
    for (int i = 0; i < n && rc == TSR_OK; i++) {
        const char *name = tsr_array_meta_name(from, TSR_VLMETA, i);
        void *buf = NULL;
        size_t len;
        rc = tsr_array_meta_get(from, TSR_VLMETA, name, &buf, &len);
        if (rc == TSR_OK) rc = tsr_array_meta_set(to, TSR_VLMETA, name, buf, len);
        tsr_free(buf);
    }
    return rc;
}
