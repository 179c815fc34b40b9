// Prisma's migration engine as WebAssembly, which comes with its npm package; the native one is a download of its own. It
// talks to the server by a driver adapter, which knows no type name: columns of catalogs are shown to it as text. And it drops
// its shadow database before it leaves it, so that no connection is kept.
import { defineConfig } from 'prisma/config';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';

const shownAs = { 18: 25, 19: 25, 1002: 1009, 1003: 1009 };

function show(result) {
    for (const field of result?.fields ?? []) {
        field.dataTypeID = shownAs[field.dataTypeID] ?? field.dataTypeID;
    }
    return result;
}

class Client extends pg.Client {
    query(...args) {
        const last = args.length - 1;
        if (typeof args[last] === 'function') {
            const callback = args[last];
            args[last] = (error, result) => callback(error, show(result));
            return super.query(...args);
        }
        const answer = super.query(...args);
        return answer?.then ? answer.then(show) : answer;
    }
}

export default defineConfig({
    experimental: { adapter: true },
    engine: 'js',
    schema: 'schema.prisma',
    migrations: { path: 'migrations' },
    adapter: async () => new PrismaPg(new pg.Pool({ database: process.env.PGDATABASE, user: 'postgres', maxUses: 1, Client })),
});
