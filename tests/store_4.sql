BEGIN TRANSACTION;
CREATE TABLE copies (
        source_id TEXT NOT NULL,
        source_endpoint TEXT NOT NULL,
        target INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        copied INTEGER NOT NULL DEFAULT 0,
        on_its_way INTEGER NOT NULL DEFAULT 0,
        before INTEGER NOT NULL DEFAULT 0,
        last_id TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (source_id, source_endpoint, target)
    ) WITHOUT ROWID;
INSERT INTO "copies" VALUES('local_009dc186a8a29ba7','',3,6,0,0,'msg_3ea61b9d0dfbd88f');
INSERT INTO "copies" VALUES('local_009dc186a8a29ba7','',5,6,0,0,'msg_3ea61b9d0dfbd88f');
CREATE TABLE endpoints (
        endpoint TEXT NOT NULL,
        ability TEXT NOT NULL,
        has INTEGER NOT NULL, noted_at REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (endpoint, ability)
    ) WITHOUT ROWID;
INSERT INTO "endpoints" VALUES('http://127.0.0.1:9','conversations',0,1.79574551710346674913e+09);
INSERT INTO "endpoints" VALUES('http://127.0.0.1:9','replies can be had again',1,1.79574551714802312855e+09);
INSERT INTO "endpoints" VALUES('http://127.0.0.1:9/api/projects/p','a thread and its run in one request',1,1.79574551621875071532e+09);
CREATE TABLE messages (
        thread INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        id TEXT NOT NULL,
        role TEXT NOT NULL,
        parts TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at REAL,
        metadata TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (thread, place)
    ) WITHOUT ROWID;
INSERT INTO "messages" VALUES(1,1,'msg_548fa5c4f4d5af59','user','[{"type": "Text", "text": "Why is the sky blue?"}]','completed',1.79574551527716207502e+09,'{}');
INSERT INTO "messages" VALUES(1,2,'msg_49edb7eb80292b59','assistant','[{"type": "Text", "text": "You said: Why is the sky blue? (1)"}]','completed',1.79574551532978844638e+09,'{}');
INSERT INTO "messages" VALUES(1,3,'msg_52a10bb9bc490341','user','[{"type": "Text", "text": "And at night?"}]','completed',1.79574551552181601527e+09,'{}');
INSERT INTO "messages" VALUES(1,4,'msg_27fbb2f5e0e8552e','assistant','[{"type": "Text", "text": "You said: And at night? (3)"}]','completed',1.79574551557008504866e+09,'{}');
INSERT INTO "messages" VALUES(1,5,'msg_35c97b07e4a43c4c','user','[{"type": "Text", "text": "A third?"}]','completed',1.79574551595654439929e+09,'{}');
INSERT INTO "messages" VALUES(1,6,'msg_3ea61b9d0dfbd88f','assistant','[]','failed',1.79574551596028470995e+09,'{}');
INSERT INTO "messages" VALUES(5,1,'msg_ce003e14ed940ef8','user','[{"type": "Text", "text": "Why is the sky blue?"}]','completed',1.79574551527716207502e+09,'{"asstctl_id": "msg_548fa5c4f4d5af59", "asstctl_created_at": "2026-11-27T02:11:55.277162Z"}');
INSERT INTO "messages" VALUES(5,2,'msg_75f4c3558c849567','assistant','[{"type": "Text", "text": "You said: Why is the sky blue? (1)"}]','completed',1.79574551532978844638e+09,'{"asstctl_id": "msg_49edb7eb80292b59", "asstctl_created_at": "2026-11-27T02:11:55.329788Z"}');
INSERT INTO "messages" VALUES(5,3,'msg_6b900e6f19b6080c','user','[{"type": "Text", "text": "And at night?"}]','completed',1.79574551552181601527e+09,'{"asstctl_id": "msg_52a10bb9bc490341", "asstctl_created_at": "2026-11-27T02:11:55.521816Z"}');
INSERT INTO "messages" VALUES(5,4,'msg_fcd02569b04e7823','assistant','[{"type": "Text", "text": "You said: And at night? (3)"}]','completed',1.79574551557008504866e+09,'{"asstctl_id": "msg_27fbb2f5e0e8552e", "asstctl_created_at": "2026-11-27T02:11:55.570085Z"}');
INSERT INTO "messages" VALUES(5,5,'msg_6c2e7c7f690ff1da','user','[{"type": "Text", "text": "A third?"}]','completed',1.79574551595654439929e+09,'{"asstctl_id": "msg_35c97b07e4a43c4c", "asstctl_created_at": "2026-11-27T02:11:55.956544Z"}');
INSERT INTO "messages" VALUES(5,6,'msg_42b2144f82f1313a','assistant','[{"type": "Text", "text": "[no text]"}]','failed',1.79574551596028470995e+09,'{"asstctl_id": "msg_3ea61b9d0dfbd88f", "asstctl_created_at": "2026-11-27T02:11:55.960285Z", "asstctl_status": "failed"}');
CREATE TABLE replies (
        endpoint TEXT NOT NULL,
        thread TEXT NOT NULL,
        place INTEGER NOT NULL,
        id TEXT NOT NULL,
        after TEXT NOT NULL DEFAULT '',
        sent INTEGER NOT NULL DEFAULT 0,
        held INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (endpoint, thread, place)
    ) WITHOUT ROWID;
INSERT INTO "replies" VALUES('http://127.0.0.1:9','chain_0a5529ee15c81c8c',1,'resp_1','',0,1);
INSERT INTO "replies" VALUES('http://127.0.0.1:9','chain_0a5529ee15c81c8c',2,'resp_2','resp_1',0,1);
CREATE TABLE threads (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        backend TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        profile TEXT NOT NULL,
        name TEXT UNIQUE,
        title TEXT NOT NULL DEFAULT '',
        metadata TEXT NOT NULL DEFAULT '{}',
        created_at REAL NOT NULL,
        said_at REAL NOT NULL, turn INTEGER NOT NULL DEFAULT 0,
        UNIQUE (id, endpoint)
    );
INSERT INTO "threads" VALUES(1,'local_009dc186a8a29ba7','local','','default','sky','Why is the sky blue?','{}',1.79574551528090238568e+09,1.7957455155699241161e+09,4);
INSERT INTO "threads" VALUES(2,'thread_1','assistants','http://127.0.0.1:9/api/projects/p','default',NULL,'Hello, server','{}',1.79574551621172833447e+09,1.79574551621172833447e+09,5);
INSERT INTO "threads" VALUES(3,'thread_2','assistants','http://127.0.0.1:9/api/projects/p','default',NULL,'Why is the sky blue?','{"asstctl_source": "local_009dc186a8a29ba7", "asstctl_source_endpoint": "local"}',1.79574551528090238568e+09,1.7957455155699241161e+09,0);
INSERT INTO "threads" VALUES(4,'chain_0a5529ee15c81c8c','responses','http://127.0.0.1:9','default',NULL,'In a chain','{}',1.79574551709668016438e+09,1.79574551735008645057e+09,7);
INSERT INTO "threads" VALUES(5,'chain_6ba4acf2ba343249','responses','http://127.0.0.1:9','default',NULL,'Why is the sky blue?','{"asstctl_source": "local_009dc186a8a29ba7", "asstctl_source_endpoint": "local"}',1.79574551528090238568e+09,1.7957455155699241161e+09,0);
CREATE INDEX threads_by_turn ON threads (turn DESC, said_at DESC, number DESC);
CREATE INDEX threads_by_profile ON threads (profile, turn DESC, said_at DESC, number DESC);
COMMIT;
PRAGMA user_version = 4;
