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
    int rc = a->d->format->attr_set ? tsr_engine_begin(a, &anew) : no_attrs(a);
    return rc < 0 ? rc : a->d->format->attr_set(a->d, name, json);
}

int tsr_array_attr_remove(tsr_array *a, const char *name)
{
    bool anew;
    int rc = a->d->format->attr_remove ? tsr_engine_begin(a, &anew) : no_attrs(a);
    return rc < 0 ? rc : a->d->format->attr_remove(a->d, name);
}
