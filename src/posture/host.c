/*
 * host.c
 *		What posture checks need to know of the machine and SQL does not tell:
 *		modes of files, the server's certificate, limits, volumes.
 *
 * Looks and changes nothing; takes no lock.  What cannot be found out is left
 * out, so a check that needs it says "not known" rather than "good".  It tells
 * names of settings and of files of the installation, never their content.
 */
#include "postgres.h"

#include <math.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/guc.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "posture/posture.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#define RSA_BITS_MIN 2048
#define EC_BITS_MIN 256
#define DM_LAYERS_MAX 4
#define SECONDS_A_DAY 86400

PG_FUNCTION_INFO_V1(hg_host_facts);

static void
put(ReturnSetInfo *rsinfo, const char *fact, const char *object, const char *value)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = CStringGetTextDatum(fact);
	values[1] = CStringGetTextDatum(object);
	values[2] = CStringGetTextDatum(value);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The path of a setting, absolute; NULL if the setting is empty. */
static char *
path_of_setting(const char *name)
{
	const char *path = GetConfigOption(name, true, false);

	if (path == NULL || path[0] == '\0')
		return NULL;
	return is_absolute_path(path) ? pstrdup(path) : psprintf("%s/%s", DataDir, path);
}

/* Puts the mode of a file if it has any of the bits, or a stranger for an owner. */
static void
put_mode(ReturnSetInfo *rsinfo, const char *fact, const char *object, const char *path, mode_t bits)
{
	struct stat st;

	if (path == NULL || stat(path, &st) != 0)
		return;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		put(rsinfo, fact, object, "owned by another account");
	else if (st.st_mode & bits)
		put(rsinfo, fact, object, psprintf("mode %04o", (unsigned) (st.st_mode & 07777)));
}

static void
put_files(ReturnSetInfo *rsinfo)
{
	char		pkglib[MAXPGPATH];
	char		share[MAXPGPATH];
	char	   *key = path_of_setting("ssl_key_file");
	struct stat st;

	/* As the server itself asks: the group may read the key only if it is root's. */
	if (key != NULL && stat(key, &st) == 0)
		put_mode(rsinfo, "key_mode", "ssl_key_file", key, st.st_uid == 0 ? 0137 : 0177);

	put_mode(rsinfo, "file_mode", "config_file", path_of_setting("config_file"), 0022);
	put_mode(rsinfo, "file_mode", "hba_file", path_of_setting("hba_file"), 0027);
	put_mode(rsinfo, "file_mode", "ident_file", path_of_setting("ident_file"), 0027);
	put_mode(rsinfo, "file_mode", "postgresql.auto.conf",
			 psprintf("%s/postgresql.auto.conf", DataDir), 0027);
	get_pkglib_path(my_exec_path, pkglib);
	get_share_path(my_exec_path, share);
	put_mode(rsinfo, "file_mode", "library directory", pkglib, 0022);
	put_mode(rsinfo, "file_mode", "extension directory", psprintf("%s/extension", share), 0022);
	put_mode(rsinfo, "audit_mode", "hipaa_guard.audit_directory",
			 path_of_setting("hipaa_guard.audit_directory"), 0077);
}

static void
put_certificate_facts(ReturnSetInfo *rsinfo, X509 *certificate)
{
	const char *object = "ssl_cert_file";
	EVP_PKEY   *key = X509_get0_pubkey(certificate);
	int			digest = NID_undef;
	int			days = 0;
	int			seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1)
		put(rsinfo, "certificate_days_left", object,
			psprintf("%d", seconds < 0 ? days - 1 : days));
	if (key != NULL)
	{
		int			least = EVP_PKEY_base_id(key) == EVP_PKEY_RSA ? RSA_BITS_MIN : EC_BITS_MIN;

		/* Ed25519 has 253 bits and the strength of P-256. */
		if (EVP_PKEY_base_id(key) != EVP_PKEY_ED25519 && EVP_PKEY_bits(key) < least)
			put(rsinfo, "certificate_weak_key", object, psprintf("%d bits", EVP_PKEY_bits(key)));
	}
	if (X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) == 1 &&
		(digest == NID_sha1 || digest == NID_md5))
		put(rsinfo, "certificate_weak_signature", object, OBJ_nid2sn(digest));
	if (X509_check_issued(certificate, certificate) == X509_V_OK)
		put(rsinfo, "certificate_self_signed", object, "issuer is subject");
}

static void
put_certificate(ReturnSetInfo *rsinfo)
{
	char	   *path = path_of_setting("ssl_cert_file");
	FILE	   *file = path ? AllocateFile(path, "r") : NULL;
	X509	   *certificate;

	if (file == NULL)
		return;
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	FreeFile(file);
	if (certificate == NULL)
		return;
	/* A row can run out of memory; OpenSSL's copy must not stay behind then. */
	PG_TRY();
	{
		put_certificate_facts(rsinfo, certificate);
	}
	PG_FINALLY();
	{
		X509_free(certificate);
	}
	PG_END_TRY();
}

static void
put_process(ReturnSetInfo *rsinfo)
{
	struct rlimit core;
	int			fips;

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	fips = EVP_default_properties_is_fips_enabled(NULL);
#else
	fips = FIPS_mode();
#endif
	put(rsinfo, "fips", "OpenSSL", fips ? "on" : "off");
	if (getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur != 0)
		put(rsinfo, "core_limit", "RLIMIT_CORE",
			core.rlim_cur == RLIM_INFINITY ? "unlimited" :
			psprintf("%llu bytes", (unsigned long long) core.rlim_cur));
	if (getenv("PGPASSWORD") != NULL)
		put(rsinfo, "environment", "PGPASSWORD", "set");
}

/* The device or one that it lies on is one of dm-crypt. */
static bool
is_encrypted(const char *device, int layers)
{
	char		uuid[16] = "";
	char	   *slaves = psprintf("%s/slaves", device);
	FILE	   *file = AllocateFile(psprintf("%s/dm/uuid", device), "r");
	DIR		   *dir;
	struct dirent *entry;
	bool		found = false;

	if (file != NULL)
	{
		if (fgets(uuid, sizeof(uuid), file) == NULL)
			uuid[0] = '\0';
		FreeFile(file);
	}
	if (strncmp(uuid, "CRYPT-", 6) == 0)
		return true;
	if (layers == 0 || (dir = AllocateDir(slaves)) == NULL)
		return false;
	while (!found && (entry = ReadDirExtended(dir, slaves, DEBUG1)) != NULL)
		if (entry->d_name[0] != '.')
			found = is_encrypted(psprintf("/sys/class/block/%s", entry->d_name), layers - 1);
	FreeDir(dir);
	return found;
}

static void
put_volume(ReturnSetInfo *rsinfo, const char *object, const char *path)
{
	struct stat st;

	if (path == NULL || stat(path, &st) != 0)
		return;
	put(rsinfo, "volume", object,
		is_encrypted(psprintf("/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev)),
					 DM_LAYERS_MAX) ? "encrypted" : "no dm-crypt seen");
}

static void
put_volumes(ReturnSetInfo *rsinfo)
{
	char	   *audit = path_of_setting("hipaa_guard.audit_directory");
	struct statvfs volume;

	put_volume(rsinfo, "data directory", DataDir);
	put_volume(rsinfo, "pg_wal", psprintf("%s/pg_wal", DataDir));
	put_volume(rsinfo, "hipaa_guard.audit_directory", audit);
	if (audit != NULL && statvfs(audit, &volume) == 0 && volume.f_blocks > volume.f_bfree)
	{
		/* As df counts: what is kept for root is neither used nor to be had. */
		uint64		used = volume.f_blocks - volume.f_bfree;

		put(rsinfo, "audit_volume_percent", "hipaa_guard.audit_directory",
			psprintf("%d", (int) ceil(used * 100.0 / (used + volume.f_bavail))));
	}
}

/* host_facts(): rows of fact, object and value. */
Datum
hg_host_facts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	put_files(rsinfo);
	put_certificate(rsinfo);
	put_process(rsinfo);
	put_volumes(rsinfo);
	return (Datum) 0;
}
