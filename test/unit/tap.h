/*
 * tap.h
 *		The least that a unit test needs to speak the Test Anything Protocol.
 *
 *		int main(void) { ok(1 + 1 == 2, "sums are right"); return done(); }
 *
 * A test that fails says where it stands, and the program ends with status 1.
 */
#ifndef HG_TAP_H
#define HG_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int	tap_count;
static int	tap_failures;

#define ok(condition, ...) tap_ok((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_is_int((long long) (got), (long long) (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5), unused))
static int
tap_ok(int passed, const char *file, int line, const char *format, ...)
{
	va_list		args;

	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (!passed)
	{
		tap_failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

__attribute__((format(printf, 5, 6), unused))
static int
tap_is_int(long long got, long long want, const char *file, int line, const char *format, ...)
{
	char		name[512];
	va_list		args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	if (tap_ok(got == want, file, line, "%s", name))
		return 1;
	printf("# got %lld, want %lld\n", got, want);
	return 0;
}

__attribute__((format(printf, 5, 6), unused))
static int
tap_is_str(const char *got, const char *want, const char *file, int line, const char *format, ...)
{
	char		name[512];
	va_list		args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	if (tap_ok(strcmp(got, want) == 0, file, line, "%s", name))
		return 1;
	printf("# got  \"%s\"\n# want \"%s\"\n", got, want);
	return 0;
}

/* Prints the plan; the value is main()'s. */
__attribute__((unused))
static int
done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures == 0 ? 0 : 1;
}

#endif							/* HG_TAP_H */
