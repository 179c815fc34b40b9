/*
 * texts.c
 *		Takes a value of a catalog's column apart into the texts it holds.
 */
#include "guard/texts.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

typedef struct walk_state
{
	hg_guard_visitor visit;
	void	   *arg;
} walk_state;

/* Types whose constants are no text of a user: numbers of objects, truth values. */
static bool
is_wordless(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case OIDOID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
			return true;
	}
	return false;
}

static char *
output(Oid type, Datum value)
{
	Oid			function;
	bool		is_varlena;

	getTypeOutputInfo(type, &function, &is_varlena);
	return OidOutputFunctionCall(function, value);
}

/* Appends the text that an expression of literals makes; false if it has anything else in it. */
static bool
concatenate(Node *node, StringInfo result)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
			if (((Const *) node)->constisnull || is_wordless(((Const *) node)->consttype))
				return false;
			appendStringInfoString(result, output(((Const *) node)->consttype,
												  ((Const *) node)->constvalue));
			return true;
		case T_RelabelType:
			return concatenate((Node *) ((RelabelType *) node)->arg, result);
		case T_CoerceViaIO:
			return concatenate((Node *) ((CoerceViaIO *) node)->arg, result);
		case T_OpExpr:
			{
				OpExpr	   *op = (OpExpr *) node;

				switch (get_opcode(op->opno))
				{
					case F_TEXTCAT:
					case F_TEXTANYCAT:
					case F_ANYTEXTCAT:
						return concatenate(linitial(op->args), result) &&
							concatenate(lsecond(op->args), result);
				}
				return false;
			}
		default:
			return false;
	}
}

static bool
visit_concatenation(OpExpr *op, walk_state *w)
{
	StringInfoData text;

	initStringInfo(&text);
	return concatenate((Node *) op, &text) && w->visit(w->arg, text.data, text.len, false);
}

static bool
visit_name(const char *name, walk_state *w)
{
	return name != NULL && w->visit(w->arg, name, strlen(name), true);
}

static bool walk(Node *node, walk_state *w);

/* The nodes of a partition's bound, which the general walker does not know. */
static bool
walk_bound(PartitionBoundSpec *bound, walk_state *w)
{
	List	   *lists[] = {bound->listdatums, bound->lowerdatums, bound->upperdatums};

	for (size_t i = 0; i < lengthof(lists); i++)
	{
		ListCell   *cell;

		foreach(cell, lists[i])
		{
			Node	   *datum = lfirst(cell);

			if (datum != NULL && IsA(datum, PartitionRangeDatum))
				datum = ((PartitionRangeDatum *) datum)->value;
			if (walk(datum, w))
				return true;
		}
	}
	return false;
}

static bool
walk(Node *node, walk_state *w)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
			{
				Const	   *constant = (Const *) node;
				char	   *text;

				if (constant->constisnull || is_wordless(constant->consttype))
					return false;
				text = output(constant->consttype, constant->constvalue);
				return w->visit(w->arg, text, strlen(text), false);
			}
		case T_OpExpr:
			if (visit_concatenation((OpExpr *) node, w))
				return true;
			break;
		case T_PartitionBoundSpec:
			return walk_bound((PartitionBoundSpec *) node, w);
		case T_Query:
			return query_tree_walker((Query *) node, walk, (void *) w, QTW_EXAMINE_RTES_BEFORE);
		case T_RangeTblEntry:
			/* query_tree_walker goes on with what the entry holds. */
			if (((RangeTblEntry *) node)->alias != NULL)
				return visit_name(((RangeTblEntry *) node)->alias->aliasname, w);
			return false;
		case T_CommonTableExpr:
			if (visit_name(((CommonTableExpr *) node)->ctename, w))
				return true;
			break;
		case T_TargetEntry:
			if (visit_name(((TargetEntry *) node)->resname, w))
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, walk, (void *) w);
}

bool
hg_guard_each_constant(Node *node, hg_guard_visitor visit, void *arg)
{
	walk_state	w = {visit, arg};

	return walk(node, &w);
}

/* name=value, as options and settings are stored. */
static bool
visit_option(const char *text, size_t size, hg_guard_visitor visit, void *arg)
{
	const char *equals = memchr(text, '=', size);

	if (equals == NULL)
		return visit(arg, text, size, false);
	return visit(arg, text, equals - text, true) ||
		visit(arg, equals + 1, size - (equals + 1 - text), false);
}

static bool
each_element(hg_guard_form form, Datum value, hg_guard_visitor visit, void *arg)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Oid			type = ARR_ELEMTYPE(array);
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int16		length;
	bool		by_value;
	char		align;

	if (is_wordless(type))
		return false;
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *text;

		if (nulls[i])
			continue;
		text = output(type, elements[i]);
		if (form == HG_FORM_OPTIONS ? visit_option(text, strlen(text), visit, arg) :
			visit(arg, text, strlen(text), form == HG_FORM_NAMES))
			return true;
	}
	return false;
}

static bool
each_piece(Datum value, hg_guard_visitor visit, void *arg)
{
	bytea	   *bytes = DatumGetByteaPP(value);
	const char *piece = VARDATA_ANY(bytes);
	const char *end = piece + VARSIZE_ANY_EXHDR(bytes);

	while (piece < end)
	{
		const char *zero = memchr(piece, '\0', end - piece);
		size_t		size = (zero != NULL ? zero : end) - piece;

		if (visit(arg, piece, size, false))
			return true;
		piece += size + 1;
	}
	return false;
}

bool
hg_guard_each_text(hg_guard_form form, Datum value, Oid type, hg_guard_visitor visit, void *arg)
{
	switch (form)
	{
		case HG_FORM_NAME:
		case HG_FORM_TEXT:
			if (type == NAMEOID)
				return visit(arg, NameStr(*DatumGetName(value)),
							 strlen(NameStr(*DatumGetName(value))), form == HG_FORM_NAME);
			else
			{
				text	   *string = DatumGetTextPP(value);

				return visit(arg, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string),
							 form == HG_FORM_NAME);
			}
		case HG_FORM_NODES:
			return hg_guard_each_constant(stringToNode(TextDatumGetCString(value)), visit, arg);
		case HG_FORM_PIECES:
			return each_piece(value, visit, arg);
		case HG_FORM_NAMES:
		case HG_FORM_OPTIONS:
		case HG_FORM_VALUES:
			return each_element(form, value, visit, arg);
	}
	return false;
}
