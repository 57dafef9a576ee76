/* When an event happened, as cookiegate/gate/event_times.py reads it; what is spelled otherwise is left to that. */

#include "projection.h"

#define LONGEST_DIGITS 19 /* nanoseconds; what no 64 signed bits hold is odd */

/* The number of at most so many digits; -1 if they are none. */
static int64_t digits_of(const char *text, int count) {
    uint64_t value = 0;
    for (int number = 0; number < count; number++) {
        if (text[number] < '0' || text[number] > '9')
            return -1;
        value = value * 10 + (uint64_t)(text[number] - '0');
    }
    return value > INT64_MAX ? -1 : (int64_t)value;
}

/* Days since 1970 of a date in the Gregorian calendar. Source: H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", days_from_civil. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int64_t days_in(int64_t year, int64_t month) {
    if (month == 2)
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Minutes of "Z" or "+09:00", and nothing behind it; false otherwise. */
static bool read_offset(const char *text, size_t length, int64_t *minutes) {
    *minutes = 0;
    if (length == 1 && *text == 'Z')
        return true;
    if (length != 6 || (*text != '+' && *text != '-') || text[3] != ':')
        return false;
    int64_t hour = digits_of(text + 1, 2), minute = digits_of(text + 4, 2);
    *minutes = (hour * 60 + minute) * (*text == '-' ? -1 : 1);
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

/* "2026-11-22T10:20:30Z" with no, three or six decimals, and with an offset: what programs write. */
Telling time_of(Span told, int64_t *ms) {
    const char *text = told.text;
    size_t decimals = told.size < 24 || text[19] != '.'                       ? 0
                      : told.size >= 27 && text[23] >= '0' && text[23] <= '9' ? 6
                                                                              : 3;
    size_t zone = decimals == 0 ? 19 : 20 + decimals;
    int64_t offset;
    if (told.size <= zone || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':'
        || !read_offset(text + zone, told.size - zone, &offset))
        return UNSURE;
    int64_t year = digits_of(text, 4), month = digits_of(text + 5, 2), day = digits_of(text + 8, 2);
    int64_t hour = digits_of(text + 11, 2), minute = digits_of(text + 14, 2), second = digits_of(text + 17, 2);
    int64_t fraction = decimals == 0 ? 0 : digits_of(text + 20, (int)decimals);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour < 0 || hour > 23
        || minute < 0 || minute > 59 || second < 0 || second > 59 || fraction < 0)
        return UNSURE;
    int64_t seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + (minute - offset) * 60 + second;
    /* As there: to seconds, then to milliseconds, in doubles. */
    double since = (double)(seconds * 1000000 + (decimals == 3 ? fraction * 1000 : fraction)) / 1e6;
    *ms = (int64_t)(since * 1000);
    return TOLD;
}

static Telling scaled(int64_t number, Unit unit, int64_t *ms) {
    switch (unit) {
    case MS:
    case MS_TEXT:
        *ms = number;
        return TOLD;
    case S:
    case S_TEXT:
        if (number > INT64_MAX / 1000)
            return UNSURE;
        *ms = number * 1000;
        return TOLD;
    case NS_TEXT:
        *ms = (int64_t)((double)number * 1e-6);
        return TOLD;
    default:
        return UNSURE;
    }
}

Telling time_read(const Tape *tape, const Place *place, Unit unit, int64_t *ms) {
    const char *text = tape->text + place->start;
    uint32_t length = place->end - place->start;
    if (place->kind == TEXT) {
        if (unit == RFC3339)
            return time_of((Span){text, length}, ms);
        int64_t number = length > 0 && length <= LONGEST_DIGITS ? digits_of(text, (int)length) : -1;
        return number < 0 ? UNSURE : scaled(number, unit, ms);
    }
    if (place->kind != NUMBER || unit == RFC3339)
        return UNTOLD;
    if (*text == '-')
        return UNSURE;
    return place->whole ? scaled(digits_of(text, (int)length), unit, ms) : UNSURE;
}
