/* SPDX-License-Identifier: BSD-3-Clause */
/* text/isotime.c - counts of time units and the proleptic Gregorian calendar.
 *
 * Days are turned into dates in years that begin on 1 March, so that the leap day comes last:
 * 400 such years have 146097 days, 100 have 36524, 4 have 1461, and the months from March on
 * have (153 m + 2) / 5 days before them.  1970-01-01 is day 719468 of year 0 counted so. */
#include "text/isotime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct unit {
    const char *name;
    int64_t seconds;   /* in one unit, 0: shorter than a second */
    int64_t in_second; /* units in a second */
    int digits;        /* behind the decimal point */
};

static const struct unit units[] = {
    {"Y", 0, 0, 0},
    {"M", 0, 0, 0},
    {"W", 7 * 86400, 0, 0},
    {"D", 86400, 0, 0},
    {"h", 3600, 0, 0},
    {"m", 60, 0, 0},
    {"s", 1, 0, 0},
    {"ms", 0, 1000, 3},
    {"us", 0, 1000000, 6},
    {"ns", 0, 1000000000, 9},
    {"ps", 0, 1000000000000, 12},
    {"fs", 0, 1000000000000000, 15},
    {"as", 0, 1000000000000000000, 18},
};

/* "25s" -> 25 and the row of "s"; NULL: no unit. */
static const struct unit *unit_of(const char *text, int64_t *count)
{
    char *name;
    *count = strtol(text, &name, 10);
    if (name == text) *count = 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(units[i].name, name)) return units + i;
    return NULL;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = floor_div(days, 146097), in_era = days - era * 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
    int m = (int)((5 * in_year + 2) / 153);
    *day = (int)(in_year - (153 * m + 2) / 5) + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = y + era * 400 + (m >= 10);
}

static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400), y = year - era * 400;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + y * 365 + y / 4 - y / 100 + in_year - 719468;
}

/* v in units -> whole seconds and the rest in units. */
static bool split(const struct unit *u, int64_t v, int64_t *seconds, int64_t *rest)
{
    *rest = 0;
    if (u->seconds) return tsr_mul(v, u->seconds, seconds);
    *seconds = floor_div(v, u->in_second);
    *rest = v - *seconds * u->in_second;
    return true;
}

static void emit_seconds(const struct unit *u, int64_t seconds, int64_t rest, char *text)
{
    int64_t days = floor_div(seconds, 86400), year;
    int month, day, clock = (int)(seconds - days * 86400), n;
    date_of(days, &year, &month, &day);
    n = sprintf(text, "%04lld-%02d-%02d", (long long)year, month, day);
    if (u->seconds >= 86400) return;
    n += sprintf(text + n, "T%02d", clock / 3600);
    if (u->seconds >= 3600) return;
    n += sprintf(text + n, ":%02d", clock / 60 % 60);
    if (u->seconds >= 60) return;
    n += sprintf(text + n, ":%02d", clock % 60);
    if (u->digits) sprintf(text + n, ".%0*lld", u->digits, (long long)rest);
}

void tsr_isotime_emit(int64_t v, const char *unit, char text[TSR_ISOTIME_MAX])
{
    int64_t count, total, seconds, rest;
    const struct unit *u = unit_of(unit, &count);
    if (v == TSR_NAT) {
        strcpy(text, "NaT");
    } else if (!u || !tsr_mul(v, count, &total)) {
        sprintf(text, "%lld", (long long)v);
    } else if (*u->name == 'Y' && tsr_add(total, 1970, &rest)) {
        sprintf(text, "%04lld", (long long)rest);
    } else if (!strcmp(u->name, "M")) {
        int64_t year = floor_div(total, 12);
        sprintf(text, "%04lld-%02d", (long long)year + 1970, (int)(total - year * 12) + 1);
    } else if (*u->name != 'Y' && split(u, total, &seconds, &rest)) {
        emit_seconds(u, seconds, rest, text);
    } else {
        sprintf(text, "%lld", (long long)v);
    }
}

/* Exactly n digits behind `lead` (0: none); NULL: not there. */
static const char *digits(const char *p, char lead, int n, int *out)
{
    if (!p || (lead && *p++ != lead)) return NULL;
    for (*out = 0; n > 0; n--, p++) {
        if (*p < '0' || *p > '9') return NULL;
        *out = *out * 10 + (*p - '0');
    }
    return p;
}

struct moment {
    int year, month, day, hour, minute, second;
    const char *fraction; /* digits behind the point, "" if none */
};

static bool parse_moment(const char *p, struct moment *m)
{
    *m = (struct moment){.month = 1, .day = 1, .fraction = ""};
    p = digits(p, 0, 4, &m->year);
    if (p && *p) p = digits(p, '-', 2, &m->month);
    if (p && *p) p = digits(p, '-', 2, &m->day);
    if (p && *p) p = digits(p, *p == ' ' ? ' ' : 'T', 2, &m->hour);
    if (p && *p) p = digits(p, ':', 2, &m->minute);
    if (p && *p) p = digits(p, ':', 2, &m->second);
    if (p && *p == '.') {
        m->fraction = ++p;
        p += strspn(p, "0123456789");
    }
    if (!p || *p || m->month < 1 || m->month > 12 || m->day < 1) return false;
    int64_t year;
    int month, day;
    date_of(days_of(m->year, m->month, m->day), &year, &month, &day);
    return day == m->day && m->hour < 24 && m->minute < 60 && m->second < 60;
}

static bool moment_units(const struct moment *m, const struct unit *u, int64_t *total)
{
    if (*u->name == 'Y') *total = m->year - 1970;
    else if (!strcmp(u->name, "M")) *total = (m->year - 1970) * 12 + m->month - 1;
    else {
        int64_t s = days_of(m->year, m->month, m->day) * 86400 + m->hour * 3600 + m->minute * 60 +
                    m->second;
        if (u->seconds) {
            *total = floor_div(s, u->seconds);
            return true;
        }
        int64_t rest = 0;
        const char *p = m->fraction;
        for (int i = 0; i < u->digits; i++) rest = rest * 10 + (*p ? *p++ - '0' : 0);
        return tsr_mul(s, u->in_second, total) && tsr_add(*total, rest, total);
    }
    return true;
}

bool tsr_isotime_parse(const char *text, const char *unit, int64_t *out)
{
    struct moment m;
    int64_t count, total;
    const struct unit *u = unit_of(unit, &count);
    if (!u || !parse_moment(text, &m) || !moment_units(&m, u, &total)) return false;
    *out = floor_div(total, count);
    return true;
}
