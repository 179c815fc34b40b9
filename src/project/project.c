/*
 * project.c
 *		The project room's face.
 */
#include "project/project.h"

#include "base/state.h"

void
hg_project_init(void)
{
}

Size
hg_project_shmem_size(void)
{
	return 0;
}

void
hg_project_shmem_startup(void)
{
}

bool
hg_project_glass_broken(void)
{
	return false;
}

bool
hg_project_feature_open(const char *feature, const char *scope)
{
	(void) feature;
	(void) scope;
	return !hg_state_database_flagged();
}
