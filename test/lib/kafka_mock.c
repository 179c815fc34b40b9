/*
 * kafka_mock.c
 *		A Kafka cluster of three brokers in one process, by librdkafka's own mock,
 *		for the test of docs/shipping.md.
 *
 * Prints its addresses, then obeys its standard input: "down N", "up N",
 * "refuse COUNT" (so many requests of producers are answered by an error);
 * each is answered by a line.  Ends with its input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define PRODUCE 0				/* the protocol's number of that request */

int
main(int argc, char **argv)
{
	char		words[512];
	rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), words, sizeof(words));
	rd_kafka_mock_cluster_t *cluster = client ? rd_kafka_mock_cluster_new(client, 3) : NULL;

	if (cluster == NULL || argc != 2 || rd_kafka_mock_topic_create(cluster, argv[1], 3, 3) != 0)
		return 1;
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(words, sizeof(words), stdin) != NULL)
	{
		int			number = atoi(words + strcspn(words, " "));

		if (strncmp(words, "down", 4) == 0)
			rd_kafka_mock_broker_set_down(cluster, number);
		else if (strncmp(words, "up", 2) == 0)
			rd_kafka_mock_broker_set_up(cluster, number);
		else
			for (; number > 0; number--)
				rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1,
												  RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
		printf("done\n");
		fflush(stdout);
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(client);
	return 0;
}
