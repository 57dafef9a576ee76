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

/* "2026-11-22T10:20:30Z" and "2026-11-22T10:20:30.123Z", the two that programs write. */
static Telling read_rfc3339(const char *text, uint32_t length, int64_t *ms) {
    if ((length != 20 && length != 24) || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':'
        || text[16] != ':' || text[length - 1] != 'Z' || (length == 24 && text[19] != '.'))
        return ODD;
    int64_t year = digits_of(text, 4), month = digits_of(text + 5, 2), day = digits_of(text + 8, 2);
    int64_t hour = digits_of(text + 11, 2), minute = digits_of(text + 14, 2), second = digits_of(text + 17, 2);
    int64_t thousandths = length == 24 ? digits_of(text + 20, 3) : 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour < 0 || hour > 23
        || minute < 0 || minute > 59 || second < 0 || second > 59 || thousandths < 0)
        return ODD;
    int64_t seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    /* As there: to seconds, then to milliseconds, in doubles. */
    double told = (double)(seconds * 1000000 + thousandths * 1000) / 1e6;
    *ms = (int64_t)(told * 1000);
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
            return ODD;
        *ms = number * 1000;
        return TOLD;
    case NS_TEXT:
        *ms = (int64_t)((double)number * 1e-6);
        return TOLD;
    default:
        return ODD;
    }
}

Telling time_read(const Tape *tape, const Place *place, Unit unit, int64_t *ms) {
    const char *text = tape->text + place->start;
    uint32_t length = place->end - place->start;
    if (place->kind == TEXT) {
        if (unit == RFC3339)
            return read_rfc3339(text, length, ms);
        int64_t number = length > 0 && length <= LONGEST_DIGITS ? digits_of(text, (int)length) : -1;
        return number < 0 ? ODD : scaled(number, unit, ms);
    }
    if (place->kind != NUMBER || unit == RFC3339)
        return UNTOLD;
    if (*text == '-')
        return ODD;
    return place->whole ? scaled(digits_of(text, (int)length), unit, ms) : ODD;
}
