/*
 * bytes.c
 *		The classes of bytes, as one table.
 *
 * Bytes of 0x80 and above count as letters: they are parts of UTF-8 sequences
 * or letters of a one-byte encoding, and in neither case a boundary.
 */
#include "phi/detect.h"

#define D BYTE_DIGIT | BYTE_HEX | BYTE_LOCAL
#define U BYTE_UPPER | BYTE_LOCAL
#define X BYTE_UPPER | BYTE_HEX | BYTE_LOCAL
#define L BYTE_LOWER | BYTE_LOCAL
#define Y BYTE_LOWER | BYTE_HEX | BYTE_LOCAL
#define H BYTE_HIGH | BYTE_LOCAL
#define S BYTE_SEPARATOR | BYTE_LOCAL
#define P BYTE_LOCAL
#define H16 H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H

const uint8_t hg_phi_bytes[256] = {
	/* 0x00 */ 0, 0, 0, 0, 0, 0, 0, 0,
	0, BYTE_SPACE, BYTE_SPACE, 0, 0, BYTE_SPACE, 0, 0,
	/* 0x10 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* space ! " # $ % & ' ( ) * + , - . / */
	BYTE_SPACE | BYTE_SEPARATOR, P, 0, P, P, P, P, P, 0, 0, P, P, 0, S, S, P,
	/* 0-9 : ; < = > ? */
	D, D, D, D, D, D, D, D, D, D, 0, 0, 0, P, 0, P,
	/* @ A-O */
	0, X, X, X, X, X, X, U, U, U, U, U, U, U, U, U,
	/* P-Z [ \ ] ^ _ */
	U, U, U, U, U, U, U, U, U, U, U, 0, 0, 0, P, S,
	/* ` a-o */
	P, Y, Y, Y, Y, Y, Y, L, L, L, L, L, L, L, L, L,
	/* p-z { | } ~ DEL */
	L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, 0,
	H16, H16, H16, H16, H16, H16, H16, H16
};
