/*
 * hipaa_guard_verify.c
 *		Verifies an audit trail without a server, with a public key only.
 *
 *		hipaa_guard_verify DIRECTORY --key KEY [--checkpoint TEXT]
 *		hipaa_guard_verify DIRECTORY --key KEY --receipt FILE
 *		hipaa_guard_verify DIRECTORY --prove SEQ >PROOF
 *		hipaa_guard_verify --check PROOF --key KEY
 *
 * Exit status: 0 the trail is whole, 1 it is not, 2 it could not be verified.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/segment_proof.h"
#include "audit/segment_verify.h"

static const char usage[] =
"hipaa_guard_verify verifies an audit trail of hipaa_guard without a server.\n"
"\n"
"Usage:\n"
"  hipaa_guard_verify DIRECTORY --key KEY [--checkpoint TEXT]\n"
"  hipaa_guard_verify DIRECTORY --key KEY --receipt FILE\n"
"  hipaa_guard_verify DIRECTORY --prove SEQ >PROOF\n"
"  hipaa_guard_verify --check PROOF --key KEY\n"
"\n"
"  --key KEY          a public key of the trail, kept elsewhere, the first one best:\n"
"                     64 hexadecimal digits, or a file whose first word they are\n"
"  --trust-directory  instead of a key: believe the keys that lie beside the\n"
"                     segments; finds damage, but not a forger's work\n"
"  --checkpoint TEXT  a checkpoint kept elsewhere (a line of the server's log, or\n"
"                     a file that begins with one): finds a tail that was cut\n"
"  --receipt FILE     checks a compliance report, or the receipt of an export, instead\n"
"                     of the trail; DIRECTORY needs to hold the trail's keys only\n"
"  --prove SEQ        writes a proof that this event stands in the trail, which\n"
"                     discloses no other\n"
"  --check PROOF      checks a proof (a file) against the key of its segment, and\n"
"                     shows the event\n";

static int
complain(const char *what, const char *which)
{
	fprintf(stderr, "hipaa_guard_verify: %s: %s\n", what, which);
	return 2;
}

/* The argument itself, or the content of the file that it names. */
static char *
text_or_file(const char *argument)
{
	uint8_t    *data;
	size_t		size;

	if (hg_audit_file_read(argument, &data, &size))
		return (char *) data;
	return strdup(argument);
}

static bool
key_parse(const char *argument, uint8_t *key)
{
	char	   *text = text_or_file(argument);
	bool		ok;

	if (text == NULL)
		return false;
	ok = strspn(text, "0123456789abcdef") == 2 * HG_AUDIT_KEY_SIZE
		&& hg_audit_hex_decode(text, key, HG_AUDIT_KEY_SIZE);
	free(text);
	return ok;
}

/* The checkpoint in a line of the log: from its first word to the end of its signature. */
static char *
checkpoint_parse(const char *argument)
{
	char	   *text = text_or_file(argument);
	char	   *begin = text == NULL ? NULL : strstr(text, "hipaa_guard checkpoint ");
	char	   *end = begin == NULL ? NULL : strstr(begin, " signature=");
	hg_audit_checkpoint checkpoint;

	if (end == NULL)
		return NULL;
	end += strlen(" signature=");
	end[strspn(end, "0123456789abcdef")] = '\0';
	return hg_audit_checkpoint_parse(begin, strlen(begin), &checkpoint) ? begin : NULL;
}

static int
report(const hg_audit_verdict *verdict)
{
	printf("%s\n", verdict->ok ? "the audit trail is whole" : "the audit trail is NOT whole");
	if (!verdict->ok)
		printf("problem: %s\n", verdict->problem);
	printf("segments: %" PRIu64 "\nevents: %" PRIu64 "\nfirst: %" PRIu64 "\nlast: %" PRIu64
		   "\ncheckpoints: %" PRIu64 "\ngaps: %" PRIu64 "\nlost: %" PRIu64 "\n",
		   verdict->segments, verdict->events, verdict->seq_first, verdict->seq_last,
		   verdict->checkpoints, verdict->gaps, verdict->lost);
	if (verdict->torn_bytes > 0)
		printf("half-written tail: %" PRIu64 " bytes\n", verdict->torn_bytes);
	return verdict->ok ? 0 : 1;
}

/* On one line, and without what a terminal would obey: a statement is anybody's text. */
static void
show_text(const char *text, size_t size)
{
	putchar(' ');
	for (size_t i = 0; i < size; i++)
		putchar((unsigned char) text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i]);
}

/* The strings of a bundle, or a text as it is. */
static void
show(const char *title, const char *text, size_t size, bool bundle)
{
	const char *string;
	size_t		string_size;
	size_t		offset = 0;

	printf("%s:", title);
	if (text != NULL && !bundle)
		show_text(text, size);
	while (bundle && text != NULL
		   && hg_audit_bundle_next(text, size, &offset, &string, &string_size))
		show_text(string ? string : "-", string ? string_size : 1);
	printf("\n");
}

/* Without a document before it, the receipt itself is checked, and its digest shown. */
static int
receipt_check(const char *directory, const hg_audit_verify_options *options, const char *file)
{
	char		hex[2 * HG_AUDIT_HASH_SIZE + 1];
	uint8_t		digest[HG_AUDIT_HASH_SIZE];
	hg_audit_receipt receipt;
	hg_audit_verdict verdict;
	uint8_t    *document;
	size_t		size;
	size_t		about;
	const char *what = NULL;

	if (!hg_audit_file_read(file, &document, &size))
		return complain("cannot be read", file);
	if (!hg_audit_receipt_find((const char *) document, size, &receipt, &about))
		return complain("does not end in a receipt", file);
	hg_audit_verify_receipt(directory, options, &receipt, &verdict);
	if (!verdict.ok)
		what = verdict.problem;
	else if (about > 0
			 && (!hg_audit_sha256(&(hg_audit_part) {document, about}, 1, digest)
				 || memcmp(digest, receipt.digest, sizeof(digest)) != 0))
		what = "the document is not the one that was signed";
	free(document);
	hg_audit_hex_encode(receipt.digest, sizeof(receipt.digest), hex);
	printf("the receipt %s\n", what == NULL ? "holds" : "does NOT hold");
	if (what != NULL)
		printf("problem: %s\n", what);
	else
		printf("of: %s\nmicroseconds since 1970: %" PRId64 "\nepoch: %" PRIu32 "\nsha256: %s\n",
			   receipt.format, receipt.time_us, receipt.epoch, hex);
	return what == NULL ? 0 : 1;
}

static int
prove(const char *directory, const char *seq)
{
	const char *problem = hg_audit_prove(directory, strtoull(seq, NULL, 10), stdout);

	return problem == NULL ? 0 : complain(problem, seq);
}

static void
proven_show(const hg_audit_proven *proven)
{
	char		line[HG_AUDIT_LINE_SIZE];

	hg_audit_checkpoint_format(&proven->checkpoint, line);
	printf("the proof holds\nnumber: %" PRIu64 "\nmicroseconds since 1970: %" PRId64
		   "\noutcome: %s\n", proven->event.seq, proven->event.event.recorded_us,
		   proven->event.event.outcome == 0 ? "success" : "not a success");
	show("session", proven->texts[HG_AUDIT_TEXT_SESSION], proven->sizes[HG_AUDIT_TEXT_SESSION],
		 true);
	show("action", proven->texts[HG_AUDIT_TEXT_ACTION], proven->sizes[HG_AUDIT_TEXT_ACTION], true);
	show("object", proven->texts[HG_AUDIT_TEXT_OBJECT], proven->sizes[HG_AUDIT_TEXT_OBJECT], true);
	show("statement", proven->texts[HG_AUDIT_TEXT_STATEMENT],
		 proven->sizes[HG_AUDIT_TEXT_STATEMENT], false);
	printf("signed with: %s\n", line);
}

static int
check(const char *file, const uint8_t *key)
{
	hg_audit_proven proven;
	uint8_t    *proof;
	size_t		size;
	const char *problem;

	if (!hg_audit_file_read(file, &proof, &size))
		return complain("cannot be read", file);
	problem = hg_audit_proof_check((const char *) proof, size, key, &proven);
	if (problem == NULL)
		proven_show(&proven);
	else
		printf("the proof does NOT hold\nproblem: %s\n", problem);
	hg_audit_proven_free(&proven);
	free(proof);
	return problem == NULL ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"key", required_argument, NULL, 'k'},
		{"checkpoint", required_argument, NULL, 'c'},
		{"trust-directory", no_argument, NULL, 't'},
		{"receipt", required_argument, NULL, 'r'},
		{"prove", required_argument, NULL, 'p'},
		{"check", required_argument, NULL, 'x'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}
	};
	static hg_audit_verify_options options = {NULL, NULL, false, NULL, 0};
	long		processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint8_t		key[HG_AUDIT_KEY_SIZE];
	hg_audit_verdict verdict;
	const char *seq = NULL;
	const char *proof = NULL;
	const char *receipt = NULL;
	bool		trust = false;
	int			option;

	while ((option = getopt_long(argc, argv, "k:c:h", long_options, NULL)) != -1)
	{
		if (option == 'k' && !key_parse(optarg, key))
			return complain("this is no public key of 64 hexadecimal digits", optarg);
		if (option == 'k')
			options.public_key = key;
		else if (option == 'c' && (options.checkpoint = checkpoint_parse(optarg)) == NULL)
			return complain("this is no checkpoint", optarg);
		else if (option == 't')
			trust = true;
		else if (option == 'r')
			receipt = optarg;
		else if (option == 'p')
			seq = optarg;
		else if (option == 'x')
			proof = optarg;
		else if (option == 'h')
		{
			fputs(usage, stdout);
			return 0;
		}
		else if (option == '?')
			return 2;
	}
	if (proof != NULL && options.public_key != NULL && optind == argc)
		return check(proof, key);
	if (seq != NULL && optind == argc - 1)
		return prove(argv[optind], seq);
	if (optind != argc - 1 || (options.public_key == NULL && !trust))
	{
		fputs(usage, stderr);
		return 2;
	}
	/* Two for each processor: one reads from the disk while the other computes. */
	options.threads = processors > 0 ? 2 * (unsigned) processors : 2;
	if (receipt != NULL)
		return receipt_check(argv[optind], &options, receipt);
	hg_audit_verify(argv[optind], &options, &verdict);
	return report(&verdict);
}
